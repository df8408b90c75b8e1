package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"time"
)

//go:embed prices.json
var pricesJSON []byte

// priceList is prices.json: list prices of one region on one date.
type priceList struct {
	Date   string
	Region string
	Note   string
	Prices map[string]price
}

// price is the price of one unit, in tiers by the amount used in a month.
type price struct {
	Source string
	Tiers  []tier
}

// tier is the price of units up to UpTo, which is 0 in the last tier.
type tier struct{ UpTo, USD float64 }

func readPrices(raw []byte) (priceList, error) {
	var list priceList
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&list); err != nil {
		return list, fmt.Errorf("prices.json: %w", err)
	}
	if _, err := time.Parse(time.DateOnly, list.Date); err != nil {
		return list, fmt.Errorf("prices.json: date: %w", err)
	}
	for name, p := range list.Prices {
		last := 0.0
		for i, t := range p.Tiers {
			if final := i == len(p.Tiers)-1; t.USD <= 0 || final != (t.UpTo == 0) || !final && t.UpTo <= last {
				return list, fmt.Errorf("prices.json: %s: tier %d must cost something and end above the one before; only the last has no end", name, i+1)
			}
			last = t.UpTo
		}
		if len(p.Tiers) == 0 || p.Source == "" {
			return list, fmt.Errorf("prices.json: %s must have tiers and a source", name)
		}
	}
	return list, nil
}

// of returns the price of a monthly amount.
func (p price) of(amount float64) float64 {
	total, from := 0.0, 0.0
	for _, t := range p.Tiers {
		if t.UpTo == 0 || amount <= t.UpTo {
			return total + (amount-from)*t.USD
		}
		total += (t.UpTo - from) * t.USD
		from = t.UpTo
	}
	return total
}

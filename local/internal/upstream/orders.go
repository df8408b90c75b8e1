package upstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxBody     = 64 << 10
	maxOrders   = 500 // of all callers together; a new one then drives out the oldest
	maxItem     = 100 // characters
	maxQuantity = 1000
)

// Order is one order of one subject.
type Order struct {
	ID       int    `json:"id"`
	Item     string `json:"item"`
	Quantity int    `json:"quantity"`
	Created  string `json:"created"` // RFC 3339, UTC
	owner    string
}

type orders struct {
	mu   sync.Mutex
	now  func() time.Time
	last int
	list []Order // oldest first

	changed chan struct{} // closed by the next add
}

// newOrders returns a store with two orders that everybody sees, so that the first look is not at an empty list.
func newOrders(now func() time.Time) *orders {
	o := &orders{now: now, changed: make(chan struct{})}
	o.add("", "Coffee beans, 1 kg", 2)
	o.add("", "Paper filters", 1)
	return o
}

func (o *orders) add(owner, item string, quantity int) Order {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last++
	order := Order{ID: o.last, Item: item, Quantity: quantity, Created: o.now().UTC().Format(time.RFC3339), owner: owner}
	if len(o.list) == maxOrders {
		o.list = append(o.list[:0], o.list[1:]...)
	}
	o.list = append(o.list, order)
	close(o.changed)
	o.changed = make(chan struct{})
	return order
}

// latest returns the number of the latest order and a channel that the next one closes.
func (o *orders) latest() (int, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last, o.changed
}

func (o *orders) of(subject string) []Order {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := []Order{}
	for _, order := range o.list {
		if order.owner == "" || order.owner == subject {
			list = append(list, order)
		}
	}
	return list
}

func (a *api) list(w http.ResponseWriter, r *http.Request, token Token) {
	reply(w, http.StatusOK, map[string]any{"orders": a.orders.of(token.Subject), "received": describe(r, token)})
}

func (a *api) create(w http.ResponseWriter, r *http.Request, token Token) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "unsupported_media_type", "expected application/json")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, "payload_too_large", fmt.Sprintf("expected at most %d bytes", maxBody))
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, codeInvalidRequest, "the body could not be read")
		return
	}
	item, quantity, err := parseOrder(body)
	if err != nil {
		refuse(w, http.StatusBadRequest, codeInvalidRequest, err.Error())
		return
	}
	order := a.orders.add(token.Subject, item, quantity)
	reply(w, http.StatusCreated, map[string]any{
		"order": order, "orders": a.orders.of(token.Subject), "received": describe(r, token),
	})
}

// parseOrder reads {"item": "…", "quantity": n}. Its errors are constants and safe to show.
func parseOrder(body []byte) (item string, quantity int, err error) {
	var in struct {
		Item     string `json:"item"`
		Quantity *int   `json:"quantity"`
	}
	if !utf8.Valid(body) {
		return "", 0, errors.New("expected UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return "", 0, errors.New(`expected {"item": text, "quantity": number}`)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return "", 0, errors.New("expected exactly one JSON object")
	}
	item = strings.TrimSpace(in.Item)
	if n := utf8.RuneCountInString(item); n == 0 || n > maxItem || strings.ContainsFunc(item, unicode.IsControl) {
		return "", 0, fmt.Errorf("expected an item of 1 to %d characters", maxItem)
	}
	if in.Quantity == nil || *in.Quantity < 1 || *in.Quantity > maxQuantity {
		return "", 0, fmt.Errorf("expected a quantity from 1 to %d", maxQuantity)
	}
	return item, *in.Quantity, nil
}

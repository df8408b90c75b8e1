package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// keyRotation reads a number of days; zero stands for no rotation.
func (s stage) keyRotation() (time.Duration, error) {
	if s.KeyRotation == "" {
		return 0, nil
	}
	number, ok := strings.CutSuffix(s.KeyRotation, "d")
	days, err := strconv.Atoi(number)
	if !ok || err != nil || days < 1 || days > 1000 {
		return 0, fmt.Errorf("keyRotation is %q: expected 1 to 1000 days, such as 30d", s.KeyRotation)
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

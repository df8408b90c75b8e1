package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// elsewhere is the keyRotation of a stage whose secret another region rotates.
const elsewhere = "elsewhere"

// keyRotation reads a number of days, zero for no rotation here, and whether
// the key is rotated elsewhere.
func (s stage) keyRotation() (every time.Duration, isElsewhere bool, err error) {
	switch {
	case s.KeyRotation == "":
		return 0, false, nil
	case s.KeyRotation == elsewhere && len(s.SessionKeyReplicas) > 0:
		return 0, false, errors.New("keyRotation is elsewhere, with sessionKeyReplicas: expected days such as 30d in the stage that makes the secret")
	case s.KeyRotation == elsewhere && s.SessionKeyName == "":
		return 0, false, errors.New("keyRotation is elsewhere, without sessionKeyName: expected the name of the secret that another region rotates")
	case s.KeyRotation == elsewhere:
		return 0, true, nil
	}
	number, ok := strings.CutSuffix(s.KeyRotation, "d")
	days, err := strconv.Atoi(number)
	if !ok || err != nil || days < 1 || days > 1000 {
		return 0, false, fmt.Errorf("keyRotation is %q: expected 1 to 1000 days, such as 30d, or elsewhere", s.KeyRotation)
	}
	return time.Duration(days) * 24 * time.Hour, false, nil
}

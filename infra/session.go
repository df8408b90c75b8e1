package main

import (
	"fmt"
	"time"
)

// lifetimes reads the stage's bounds of a session; zero is none.
func (s stage) lifetimes() (idle, absolute time.Duration, err error) {
	if idle, err = lifetime("sessionIdleLifetime", s.SessionIdleLifetime); err != nil {
		return 0, 0, err
	}
	absolute, err = lifetime("sessionLifetime", s.SessionLifetime)
	return idle, absolute, err
}

func lifetime(field, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%s is %q: expected a duration such as 30m or 8h", field, text)
	}
	return d, nil
}

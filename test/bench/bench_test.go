package main

import "testing"

func TestFigures(t *testing.T) {
	if got := (figures{1, 2, 9}).in("ms"); got != "2.00 ms (1.00 to 9.00)" {
		t.Errorf("got %s", got)
	}
}

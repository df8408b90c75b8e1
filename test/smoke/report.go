package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// unknown is the error of a check that could not run.
type unknown string

func (u unknown) Error() string { return string(u) }

type row struct{ area, what, result, note string }

type report struct{ rows []row }

// check adds a row: nil is pass, unknown is unknown, any other error is fail.
// Joined errors are unknown only if all of them are.
func (r *report) check(area, what string, err error) {
	if err == nil {
		r.rows = append(r.rows, row{area, what, "pass", ""})
		return
	}
	result, note := "unknown", strings.ReplaceAll(err.Error(), "\n", "; ")
	for _, each := range joined(err) {
		var not unknown
		if !errors.As(each, &not) {
			result = "fail"
		}
	}
	r.rows = append(r.rows, row{area, what, result, note})
}

func joined(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	return []error{err}
}

// seen adds a row with an observation that is neither right nor wrong.
func (r *report) seen(area, what, note string) {
	r.rows = append(r.rows, row{area, what, "pass", note})
}

// print returns the exit code.
func (r *report) print(out io.Writer) int {
	count := map[string]int{}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, row := range r.rows {
		count[row.result]++
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", row.result, row.area, row.what, row.note)
	}
	w.Flush()
	for line := range strings.Lines(table.String()) {
		fmt.Fprintln(out, strings.TrimRight(line, " \n"))
	}
	fmt.Fprintf(out, "\n%d passed, %d failed, %d unknown\n", count["pass"], count["fail"], count["unknown"])
	if count["fail"] > 0 {
		return 1
	}
	return 0
}

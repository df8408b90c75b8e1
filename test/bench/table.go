package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/tokenhandler/aws/test/internal/lambdabench"
)

// measure runs the two in turn and prints their figures.
func measure(ctx context.Context, pair [2]lambdabench.Bootstrap, runs, warm int) error {
	var samples [2][]lambdabench.Sample
	// The first of each reads the file from disk and is not counted.
	for i := range runs + 1 {
		for j, b := range pair {
			// The order changes too.
			if i%2 == 1 {
				j = 1 - j
				b = pair[j]
			}
			s, err := lambdabench.Run(ctx, b, warm)
			if err != nil {
				return err
			}
			if i > 0 {
				samples[j] = append(samples[j], s)
			}
		}
	}
	fmt.Printf("%s against %s: %d processes each, %d warm invocations; median (least to most)\n", pair[0].Name, pair[1].Name, runs, warm)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	fmt.Fprintf(w, "  \t%s\t%s\tratio of medians\n", pair[0].Name, pair[1].Name)
	for _, row := range []struct {
		what   string
		unit   string
		figure func(lambdabench.Sample) float64
	}{
		{"start to first response", "ms", func(s lambdabench.Sample) float64 { return ms(s.Cold) }},
		{"warm p50", "ms", func(s lambdabench.Sample) float64 { return ms(s.P50) }},
		{"warm p99", "ms", func(s lambdabench.Sample) float64 { return ms(s.P99) }},
		{"peak memory", "MB", func(s lambdabench.Sample) float64 { return float64(s.Peak) / 1e6 }},
		{"size of the binary", "MB", nil},
	} {
		var figures [2]figures
		for j := range pair {
			if row.figure == nil {
				info, err := os.Stat(pair[j].Path)
				if err != nil {
					return err
				}
				figures[j] = []float64{float64(info.Size()) / 1e6}
				continue
			}
			for _, s := range samples[j] {
				figures[j] = append(figures[j], row.figure(s))
			}
			slices.Sort(figures[j])
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%.2f\n", row.what, figures[0].in(row.unit), figures[1].in(row.unit), figures[0].median()/figures[1].median())
	}
	w.Flush()
	fmt.Println()
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// figures are sorted values of one quantity.
type figures []float64

func (f figures) median() float64 { return f[len(f)/2] }

func (f figures) in(unit string) string {
	if len(f) == 1 {
		return fmt.Sprintf("%.2f %s", f[0], unit)
	}
	return fmt.Sprintf("%.2f %s (%.2f to %.2f)", f.median(), unit, f[0], f[len(f)-1])
}

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tokenhandler/aws/test/internal/lambdabench"
)

// measured are the service times of one Lambda on this machine.
type measured struct {
	warm []time.Duration // sorted
	cold time.Duration   // median, from the start of the process to the first response
}

// measure runs both Lambdas as test/bench does.
func measure(ctx context.Context, dir string, processes, warm int) (map[string]measured, error) {
	root, err := lambdabench.ModuleRoot()
	if err != nil {
		return nil, err
	}
	times := map[string]measured{}
	for name, subject := range lambdabench.Subjects {
		b, err := subject()
		if err != nil {
			return nil, err
		}
		b.Name = name
		if b.Path, err = lambdabench.Build(ctx, root, dir, "./lambda/"+name); err != nil {
			return nil, err
		}
		var m measured
		var colds []time.Duration
		for range processes {
			s, err := lambdabench.Run(ctx, b, warm)
			if err != nil {
				return nil, fmt.Errorf("measure %s: %w", name, err)
			}
			m.warm = append(m.warm, s.Warm...)
			colds = append(colds, s.Cold)
		}
		slices.Sort(m.warm)
		slices.Sort(colds)
		m.cold = colds[len(colds)/2]
		times[name] = m
	}
	return times, nil
}

package main

import (
	"context"
	"time"

	"github.com/tokenhandler/aws/local/internal/synth"
)

// watchInterval is the time between two looks at the project's files.
const watchInterval = time.Second

// watcher tells when the app's inputs change. A nil watcher never does.
type watcher struct {
	config synth.Config
	last   string
}

// watcher returns nil unless -watch is given.
func (r *runner) watcher() *watcher {
	if !r.options.watch {
		return nil
	}
	if r.project.config == nil { // a given assembly
		return &watcher{config: synth.Config{Root: r.project.out}}
	}
	return &watcher{config: *r.project.config}
}

// next returns a channel that is closed at the next change.
func (w *watcher) next(ctx context.Context) <-chan struct{} {
	if w == nil {
		return nil
	}
	changed := make(chan struct{})
	go func() {
		for {
			now, err := w.config.Glance()
			if err == nil && w.last != "" && now != w.last {
				w.last = now
				close(changed)
				return
			}
			if err == nil {
				w.last = now
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(watchInterval):
			}
		}
	}()
	return changed
}

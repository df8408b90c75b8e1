package upstream

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// pause is how often a stream without orders sends a comment. API Gateway ends a stream after 5 minutes without data,
// and CloudFront after 30 seconds.
const pause = 15 * time.Second

// events sends the caller's new orders as server-sent events. The stream ends when the access token expires: the
// gateway's authorizer decides only at its start. A page that connects again names its last order in Last-Event-ID.
func (a *api) events(w http.ResponseWriter, r *http.Request, token Token) {
	if origin := r.Header.Get("Origin"); slices.Contains(a.origins, origin) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Allow-Credentials", "true")
	}
	w.Header().Set("Vary", "Origin")
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")

	last, changed := a.orders.latest()
	if id, err := strconv.Atoi(r.Header.Get("Last-Event-ID")); err == nil {
		last = min(last, id)
	}
	expired := time.NewTimer(time.Until(time.Unix(token.Expires, 0)))
	defer expired.Stop()
	idle := time.NewTicker(pause)
	defer idle.Stop()
	fmt.Fprint(w, ": connected\n\n")
	for {
		for _, order := range a.orders.of(token.Subject) {
			if order.ID > last {
				last = order.ID
				data, _ := json.Marshal(order)
				fmt.Fprintf(w, "id: %d\ndata: %s\n\n", order.ID, data)
			}
		}
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-changed:
			_, changed = a.orders.latest()
		case <-idle.C:
			fmt.Fprint(w, ": waiting\n\n")
		case <-expired.C:
			return
		case <-r.Context().Done():
			return
		}
	}
}

package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// traceRecords are the records of the trace page.
func traceRecords(t *testing.T, s *system) string {
	t.Helper()
	resp, err := http.Get(s.trace + "/records")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("the trace: status %d, %v", resp.StatusCode, err)
	}
	return string(text)
}

// traced checks that the records tell how requests went, and no secret.
func traced(t *testing.T, s *system, known *secrets) {
	text := traceRecords(t, s)
	var records []struct {
		Kind, Method, Resource, Code string
		Steps                        []struct{ Name, Result, Note string }
	}
	if err := json.Unmarshal([]byte(text), &records); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range records {
		seen["kind "+r.Kind] = true
		seen["code "+r.Code] = true
		for _, step := range r.Steps {
			seen["step "+step.Name] = true
			seen[step.Name+" "+step.Note] = true
		}
	}
	for _, want := range []string{"kind api", "kind agent", "step authorizer", "step mapping", "step upstream", "step provider", "step response", "step cors",
		"code unauthorized_request", "authorizer Allowed. It opened __Host-th-at."} {
		if !seen[want] {
			t.Errorf("no record has %s", want)
		}
	}
	known.others["user-7f3a"] = "the subject"
	known.check(t, "the trace", text, everything)
}

// traceInChromium uses the page as a person does, with the keyboard.
func traceInChromium(t *testing.T, s *system, known *secrets) {
	p := openTab(t)
	for _, theme := range []string{"light", "dark"} {
		if _, err := chromedp.Run(p.Context, chromedp.Evaluate[string](`"started"`)); err != nil {
			t.Fatal(err)
		}
		media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}}
		if _, err := chromedp.Call(p.Context, emulation.SetEmulatedMedia, media); err != nil {
			t.Fatal(err)
		}
		p.run(t, "the page shows requests", chromedp.Navigate(s.trace), visible("#list button"), until(`document.querySelector('#live').dataset.state === 'live'`))
		p.screenshot(t, "trace-"+theme)
		p.run(t, "the arrow keys choose a request", chromedp.KeyEvent(kb.ArrowDown), visible("#detail .steps"))
		p.run(t, "search finds an allowed order", chromedp.KeyEvent("/"),
			until(`document.activeElement.id === 'search'`), chromedp.Evaluate[chromedp.Void](`document.querySelector('#search').value = ''`), enter("#search", "/orders allowed"),
			until(`document.querySelectorAll('#list button').length > 0 && [...document.querySelectorAll('#list .path')].every((e) => e.textContent.startsWith('/orders'))`),
			chromedp.KeyEvent(kb.ArrowDown), until(`document.querySelector('#detail').textContent.includes('It opened __Host-th-at')`))
		p.screenshot(t, "trace-allowed-"+theme)
		p.run(t, "the filter shows refusals with their explanation", chromedp.KeyEvent(kb.Escape), click(`#filters input[value="refused"]`),
			until(`document.querySelectorAll('#list button').length > 0 && !document.querySelector('#list .status:not(.refused)')`),
			chromedp.Evaluate[chromedp.Void](`document.querySelector('#list button').focus()`))
		p.run(t, "a refusal is explained", click(`#list li:first-child button`), visible("#detail .explain a"))
		p.screenshot(t, "trace-refused-"+theme)
	}
	curl := p.text(t, "#detail pre")
	if !strings.HasPrefix(curl, "curl -i -X ") {
		t.Errorf("as curl: got %q", curl)
	}
	html := value(t, p, "the page", chromedp.Evaluate[string](`document.documentElement.outerHTML`))
	known.check(t, "the trace page", html, everything)
	for _, problem := range p.problems {
		t.Errorf("the browser complains: %s", problem)
	}
}

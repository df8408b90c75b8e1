package mapped

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Every upstream status comes down as one, as itself if it is listed.
func TestEveryUpstreamStatusComesDownAsOne(t *testing.T) {
	for name, listed := range map[string][]int{"default": DefaultStatuses, "none": {}, "few": {201, 204, 304, 404, 409, 418, 599},
		"all usual ones": {200, 201, 202, 204, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 412, 413, 415, 422, 428, 429, 500, 501, 503, 504}} {
		t.Run(name, func(t *testing.T) {
			all := statusesOf(listed)
			exact := map[int]bool{401: true}
			for _, code := range listed {
				exact[code] = true
			}
			for upstream := 100; upstream < 600; upstream++ {
				var down []string
				for _, s := range all {
					if s.pattern != "" && regexp.MustCompile("^(?:"+s.pattern+")$").MatchString(strconv.Itoa(upstream)) {
						down = append(down, strconv.Itoa(s.code))
					}
				}
				want := strconv.Itoa(upstream)
				switch class := upstream / 100; {
				case exact[upstream]:
				case upstream == 206, upstream == defaultStatus, class == 1, class == 3:
					want = "" // 502, the default
				default:
					want = strconv.Itoa(class * 100)
				}
				if strings.Join(down, " ") != want {
					t.Errorf("%d comes down as %q, want %q", upstream, down, want)
				}
			}
		})
	}
}

func TestMethodsGetTheStatusesThatOccurOnThem(t *testing.T) {
	for _, tt := range []struct {
		method    string
		up        []string
		want, not string
	}{
		{"GET", nil, "200 202 204 400 401 403 404 410 422 429 500 502 503", "201 304 409 412 413"},
		{"GET", []string{"If-None-Match"}, "304 412", "409"},
		{"HEAD", []string{"if-modified-since"}, "304", "412"},
		{"POST", nil, "201 409 413", "304 412"},
		{"PUT", []string{"If-Match"}, "201 412", "304"},
		{"DELETE", nil, "409", "201 413 304 412"},
	} {
		var got []string
		for _, r := range (Method{HTTPMethod: tt.method, Up: tt.up}).Responses() {
			got = append(got, r.Status)
		}
		for _, status := range strings.Fields(tt.want) {
			if !slices.Contains(got, status) {
				t.Errorf("%s with %v: got %v, want %s", tt.method, tt.up, got, status)
			}
		}
		for _, status := range strings.Fields(tt.not) {
			if slices.Contains(got, status) {
				t.Errorf("%s with %v: got %s, which cannot occur", tt.method, tt.up, status)
			}
		}
	}
}

func TestListedStatusesComeDownWhateverTheMethod(t *testing.T) {
	for _, r := range (Method{HTTPMethod: "GET", Statuses: []int{409}}).Responses() {
		if r.Status == "409" {
			return
		}
	}
	t.Error("409 does not come down as it is")
}

package child

import (
	"bytes"
	"strings"
	"sync"
)

const (
	maxLine  = 64 << 10 // a longer line is cut into several
	tailSize = 12       // lines that Tail remembers
)

// Lines is an io.Writer that hands a child's output on line by line and remembers the last lines, so that the
// reason of a failed start can be shown. The two outputs of one child may share it.
type Lines struct {
	mu   sync.Mutex
	each func(line string)
	part []byte
	tail []string
}

// NewLines returns a Lines that calls each for every complete line, without its end and never twice at a time.
// A nil each only remembers.
func NewLines(each func(line string)) *Lines { return &Lines{each: each} }

// Write never fails.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		end := i >= 0
		if !end {
			i = len(p)
		}
		if room := maxLine - len(l.part); i > room {
			i, end = room, false
		}
		l.part = append(l.part, p[:i]...)
		p = p[i:]
		if end {
			p = p[1:]
		}
		if end || len(l.part) == maxLine {
			l.emit()
		}
	}
	return n, nil
}

// Tail returns the last lines, oldest first, with an unfinished one at the end.
func (l *Lines) Tail() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.part) > 0 {
		l.emit()
	}
	return append([]string(nil), l.tail...)
}

func (l *Lines) emit() {
	line := strings.ToValidUTF8(strings.TrimSuffix(string(l.part), "\r"), "\uFFFD")
	l.part = l.part[:0]
	if len(l.tail) == tailSize {
		l.tail = append(l.tail[:0], l.tail[1:]...)
	}
	l.tail = append(l.tail, line)
	if l.each != nil {
		l.each(line)
	}
}

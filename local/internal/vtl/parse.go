package vtl

import (
	"fmt"
	"regexp"
	"strings"
)

// Parse reads a template. The error is a [*SyntaxError].
func Parse(src string) (*Template, error) {
	p := &parser{src: src}
	if len(src) > MaxSource {
		return nil, p.errorf(0, "template has %d bytes, at most %d are allowed", len(src), MaxSource)
	}
	nodes, stop, err := p.block(0)
	if err == nil && stop != "" {
		err = p.errorf(p.at, "#%s without #if or #foreach", stop)
	}
	if err != nil {
		return nil, err
	}
	return &Template{nodes}, nil
}

type parser struct {
	src string
	pos int
	at  int // where the directive that ended the last block began

	// open is set behind a reference until text follows. Velocity 1.7 prints a comment there, and reads brackets as parts
	// of the reference.
	open bool
	// inString is set while the inside of a double-quoted string is parsed: references only.
	inString bool
}

func (p *parser) errorf(pos int, format string, args ...any) error {
	before := p.src[:min(pos, len(p.src))]
	line := strings.Count(before, "\n")
	return &SyntaxError{Line: line + 1, Column: len(before) - (strings.LastIndexByte(before, '\n') + 1) + 1,
		Message: fmt.Sprintf(format, args...)}
}

func (p *parser) rest() string { return p.src[p.pos:] }

func (p *parser) peek(offset int) byte {
	if i := p.pos + offset; i < len(p.src) {
		return p.src[i]
	}
	return 0
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }

func digit(c byte) bool { return c >= '0' && c <= '9' }

// identifier reads a Velocity identifier, in which a hyphen is an ordinary character: that is how
// $context.responseOverride.header.Access-Control-Allow-Origin is one reference.
func (p *parser) identifier() string {
	start := p.pos
	if letter(p.peek(0)) {
		for c := p.peek(0); letter(c) || digit(c) || c == '-'; c = p.peek(0) {
			p.pos++
		}
	}
	return p.src[start:p.pos]
}

// block reads nodes up to the end of the source or to a directive that ends or divides a block, whose name it returns.
func (p *parser) block(depth int) (nodes []node, stop string, err error) {
	if depth > maxDepth {
		return nil, "", p.errorf(p.pos, "nested deeper than %d", maxDepth)
	}
	start := p.pos
	flush := func() {
		if start < p.pos {
			nodes = append(nodes, textNode(p.src[start:p.pos]))
			p.open = false
		}
	}
	for p.pos < len(p.src) {
		if p.open && p.pos == start && afterRef.MatchString(p.rest()) {
			return nil, "", p.errorf(p.pos, "this text behind a reference is not implemented")
		}
		switch c, next := p.peek(0), p.peek(1); {
		case c == '\\' && (next == '$' || next == '#' || next == '\\'):
			return nil, "", p.errorf(p.pos, "an escape with a backslash is not implemented")
		case (c == '$' || c == '#') && p.pos+1 == len(p.src):
			return nil, "", p.errorf(p.pos, "%q at the end is a syntax error", c)
		case c == '$' && (next == '$' || next == '#') || c == '#' && next == '$':
			return nil, "", p.errorf(p.pos, "%q is not implemented", p.src[p.pos:p.pos+2])
		case c == '$' && (letter(next) || next == '{' || next == '!'):
			flush()
			r, err := p.reference(depth)
			if err != nil {
				return nil, "", err
			}
			nodes = append(nodes, refNode{r})
			start, p.open = p.pos, true
		case c == '#' && (letter(next) || next == '{' || next == '#' || next == '*' || next == '[' || next == '@'):
			if p.inString {
				return nil, "", p.errorf(p.pos, "a directive or comment inside a string is not implemented")
			}
			switch text := strings.TrimRight(p.src[start:p.pos], " \t"); {
			case !setWord.MatchString(p.rest()):
				flush()
			case strings.HasSuffix(text, "$"), strings.HasSuffix(text, "#"), p.open && text == "}":
				// Velocity 1.7 loses one of the two.
				return nil, "", p.errorf(p.pos, "#set behind %q is not implemented", text[len(text)-1])
			case text != "": // else #set takes the blanks before it along
				flush()
			}
			n, stop, err := p.directive(depth)
			if err != nil || stop != "" {
				return nodes, stop, err
			}
			if n != nil {
				nodes = append(nodes, n)
			}
			start = p.pos
		default:
			p.pos++
		}
	}
	flush()
	return nodes, "", nil
}

// directive reads a comment or a directive. The word of #elseif, #else and #end is returned as stop.
func (p *parser) directive(depth int) (n node, stop string, err error) {
	start := p.pos
	switch p.peek(1) {
	case '#':
		if p.peek(2) == '*' {
			return nil, "", p.errorf(start, "a comment that begins with ##* is not implemented")
		}
		if i := strings.IndexAny(p.rest(), "\r\n"); i >= 0 {
			p.pos += i
			p.newline()
		} else {
			p.pos = len(p.src)
		}
		return nil, "", nil
	case '*':
		i := strings.Index(p.rest()[2:], "*#")
		if i < 0 {
			return nil, "", p.errorf(start, "comment #* has no *#")
		}
		p.pos += i + 4
		return nil, "", nil
	}
	p.pos++
	braced := p.peek(0) == '{'
	if braced {
		p.pos++
	}
	word := p.identifier()
	if braced {
		if p.peek(0) != '}' || word == "" {
			return nil, "", p.errorf(start, "#{ is not a directive")
		}
		p.pos++
	}
	switch word {
	case "set":
		n, err = p.set(start, depth)
	case "if":
		n, err = p.ifElse(start, depth)
	case "foreach":
		n, err = p.foreach(start, depth)
	case "else", "end":
		p.endOfLine()
		p.at = start
		return nil, word, nil
	case "elseif":
		p.at = start
		return nil, word, nil
	default:
		err = p.errorf(start, "directive #%s is not implemented", word)
	}
	return n, "", err
}

// endOfLine swallows the blank rest of a line after a directive, as Velocity does.
func (p *parser) endOfLine() {
	start := p.pos
	for p.peek(0) == ' ' || p.peek(0) == '\t' {
		p.pos++
	}
	if !p.newline() {
		p.pos = start
	}
}

// newline reads \n, \r\n or \r.
func (p *parser) newline() bool {
	start := p.pos
	if p.peek(0) == '\r' {
		p.pos++
	}
	if p.peek(0) == '\n' {
		p.pos++
	}
	return p.pos > start
}

// closeDirective reads the ) of a directive and the blank rest of its line.
func (p *parser) closeDirective() error {
	p.space()
	if p.peek(0) != ')' {
		return p.errorf(p.pos, "expected \")\"")
	}
	p.pos++
	p.endOfLine()
	p.open = false
	return nil
}

// afterRef is the text that is refused behind a reference.
var afterRef = regexp.MustCompile(`^([\[{(]|##|#\*|true|false)`)

// setWord is the beginning of a #set. Only spaces may stand before the parenthesis.
var setWord = regexp.MustCompile(`^#(set|\{set\}) *\(`)

func (p *parser) set(start, depth int) (node, error) {
	if !setWord.MatchString(p.src[start:]) {
		return nil, p.errorf(p.pos, "expected \"(\"")
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	at := p.pos
	if p.peek(0) != '$' {
		return nil, p.errorf(at, "#set wants a reference")
	}
	target, err := p.reference(depth)
	if err != nil {
		return nil, err
	}
	if target.silent || target.braced { // Velocity 1.7 skips the assignment
		return nil, p.errorf(at, "#set wants a reference without ! and braces")
	}
	if err := p.checkTarget(at, target); err != nil {
		return nil, err
	}
	if err := p.expect("="); err != nil {
		return nil, err
	}
	value, err := p.expression(depth + 1)
	if err != nil {
		return nil, err
	}
	open := p.open
	if err := p.closeDirective(); err != nil {
		return nil, err
	}
	p.open = open
	return setNode{target, value}, nil
}

// checkTarget refuses assignments that API Gateway does not know.
func (p *parser) checkTarget(at int, r *ref) error {
	for _, part := range r.parts {
		if part.call {
			return p.errorf(at, "#set cannot assign to a method call")
		}
	}
	switch r.name {
	case "input", "util", "stageVariables", "foreach", "velocityCount", "velocityHasNext":
		return p.errorf(at, "#set cannot assign to $%s", r.name)
	case "context":
		var names []string
		for _, part := range r.parts {
			names = append(names, part.name)
		}
		switch n := len(names); {
		case n == 3 && names[0] == "requestOverride" && (names[1] == "header" || names[1] == "querystring" || names[1] == "path"),
			n == 3 && names[0] == "responseOverride" && names[1] == "header",
			n == 2 && names[0] == "responseOverride" && names[1] == "status":
			return nil
		}
		return p.errorf(at, "#set cannot assign to %s: only $context.requestOverride.{header,querystring,path}.<name>, "+
			"$context.responseOverride.header.<name> and $context.responseOverride.status can be set", r.raw)
	}
	return nil
}

func (p *parser) ifElse(start, depth int) (node, error) {
	var n ifNode
	for word := "if"; ; {
		b := branch{}
		if word != "else" {
			if err := p.expect("("); err != nil {
				return nil, err
			}
			var err error
			if b.cond, err = p.expression(depth + 1); err != nil {
				return nil, err
			}
			if err := p.closeDirective(); err != nil {
				return nil, err
			}
		}
		body, stop, err := p.block(depth + 1)
		if err != nil {
			return nil, err
		}
		b.body = body
		n = append(n, b)
		switch {
		case stop == "end":
			return n, nil
		case stop == "":
			return nil, p.errorf(start, "#if has no #end")
		case word == "else":
			return nil, p.errorf(p.at, "#%s after #else", stop)
		}
		word = stop
	}
}

// reserved names cannot be the variable of a loop.
var reserved = map[string]bool{"input": true, "util": true, "context": true, "stageVariables": true, "foreach": true,
	"velocityCount": true, "velocityHasNext": true}

func (p *parser) foreach(start, depth int) (node, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	if p.peek(0) != '$' {
		return nil, p.errorf(p.pos, "#foreach wants a variable")
	}
	at := p.pos
	v, err := p.reference(depth)
	if err != nil {
		return nil, err
	}
	if len(v.parts) > 0 || reserved[v.name] {
		return nil, p.errorf(at, "#foreach wants a plain variable")
	}
	if err := p.expect("in"); err != nil {
		return nil, err
	}
	in, err := p.parameter(depth + 1)
	if err != nil {
		return nil, err
	}
	if err := p.closeDirective(); err != nil {
		return nil, err
	}
	body, stop, err := p.block(depth + 1)
	if err != nil {
		return nil, err
	}
	if stop != "end" {
		return nil, p.errorf(start, "#foreach has no #end")
	}
	return foreachNode{v.name, in, body}, nil
}

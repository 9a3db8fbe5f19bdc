package minutes

import (
	"fmt"
	"strings"
)

// A pattern is a small regular expression over tokens, written so that a table of them can be read:
//
//	i will <do>            words and classes, in order; a Chinese string is one token a character
//	(can|could) you        one of several; an alternative may be a sequence, or empty: (|please)
//	please? send           the element before ? may be missing
//	need .. from you       up to three tokens of the same clause; ... up to eight, over commas too
//	^ send                 only where a clause may begin;  done $  only where one may end
//
// A class in angle brackets is a tag: <name> <dept> <date> <do> <does> <doing> <did> <num> <any>. A whole
// mention is one element, however many tokens it has. "is" also stands for "'s".
type pattern struct {
	nodes []node
	text  string // as written, for errors
	loose bool   // it has a gap: what it spans is not all its own
}

type nodeKind uint8

const (
	nodeWord nodeKind = iota
	nodeTag
	nodeOneOf
	nodeGap
	nodeOpen
	nodeShut
)

type node struct {
	kind     nodeKind
	optional bool
	word     string
	tag      tag // 0 with nodeTag: any token but a comma
	most     int // nodeGap: how many tokens
	commas   bool
	oneOf    [][]node
}

// classes are the names that may stand in angle brackets.
func class(name string) (tag, bool) {
	switch name {
	case "name":
		return tagName, true
	case "dept":
		return tagDept, true
	case "date":
		return tagDate, true
	case "do":
		return tagDo, true
	case "doing":
		return tagDoing, true
	case "did":
		return tagDid, true
	case "does":
		return tagDoes, true
	case "num":
		return tagNum, true
	case "han":
		return tagHan, true
	case "any":
		return 0, true
	}
	return 0, false
}

// patternReader compiles one pattern.
type patternReader struct {
	fold *folder
	rest string
}

// compile reads a pattern as written in a table.
func compile(fold *folder, text string) (pattern, error) {
	r := &patternReader{fold: fold, rest: strings.TrimSpace(text)}
	nodes, err := r.sequence()
	if err == nil && r.rest != "" {
		err = fmt.Errorf("%q is left over", r.rest)
	}
	if err == nil && len(nodes) == 0 {
		err = fmt.Errorf("it is empty")
	}
	if err != nil {
		return pattern{}, fmt.Errorf("pattern %q: %w", text, err)
	}
	return pattern{nodes: nodes, text: text, loose: strings.Contains(text, "..")}, nil
}

// sequence reads elements up to the end, a bar or a closing parenthesis.
func (r *patternReader) sequence() ([]node, error) {
	var nodes []node
	for {
		r.rest = strings.TrimLeft(r.rest, " \t")
		if r.rest == "" || r.rest[0] == '|' || r.rest[0] == ')' {
			return nodes, nil
		}
		more, err := r.element()
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(r.rest, "?") {
			r.rest = r.rest[1:]
			if len(more) > 1 { // a Chinese word: all of it or nothing
				more = []node{{kind: nodeOneOf, oneOf: [][]node{more}}}
			}
			more[0].optional = true
		}
		nodes = append(nodes, more...)
	}
}

// element reads one element; a Chinese word gives several nodes.
func (r *patternReader) element() ([]node, error) {
	switch c := r.rest[0]; {
	case c == '^':
		r.rest = r.rest[1:]
		return []node{{kind: nodeOpen}}, nil
	case c == '$':
		r.rest = r.rest[1:]
		return []node{{kind: nodeShut}}, nil
	case c == '(':
		return r.group()
	case c == '<':
		return r.class()
	case strings.HasPrefix(r.rest, "..."):
		r.rest = r.rest[3:]
		return []node{{kind: nodeGap, most: 8, commas: true, optional: true}}, nil
	case strings.HasPrefix(r.rest, ".."):
		r.rest = r.rest[2:]
		return []node{{kind: nodeGap, most: 3, optional: true}}, nil
	}
	end := strings.IndexAny(r.rest, " \t|()<>?^$")
	if end < 0 {
		end = len(r.rest)
	}
	if gap := strings.Index(r.rest[:end], ".."); gap >= 0 {
		end = gap
	}
	if end == 0 {
		return nil, fmt.Errorf("%q is not an element", r.rest)
	}
	word := r.rest[:end]
	r.rest = r.rest[end:]
	return r.words(word), nil
}

// words cuts a literal the way the scanner cuts text.
func (r *patternReader) words(literal string) []node {
	if literal == "," {
		return []node{{kind: nodeTag, tag: tagComma}}
	}
	if literal == "'s" {
		return []node{{kind: nodeWord, word: literal}}
	}
	s := scanner{fold: r.fold, text: literal}
	s.scan()
	nodes := make([]node, 0, len(s.tokens))
	for _, t := range s.tokens {
		nodes = append(nodes, node{kind: nodeWord, word: t.word})
	}
	if len(nodes) == 0 {
		nodes = []node{{kind: nodeWord, word: literal}}
	}
	return nodes
}

func (r *patternReader) group() ([]node, error) {
	group := node{kind: nodeOneOf}
	for r.rest[0] == '(' || r.rest[0] == '|' {
		r.rest = r.rest[1:]
		nodes, err := r.sequence()
		if err != nil {
			return nil, err
		}
		group.oneOf = append(group.oneOf, nodes)
		if r.rest == "" {
			return nil, fmt.Errorf("a parenthesis is not closed")
		}
	}
	r.rest = r.rest[1:]
	return []node{group}, nil
}

func (r *patternReader) class() ([]node, error) {
	end := strings.IndexByte(r.rest, '>')
	if end < 0 {
		return nil, fmt.Errorf("a < is not closed")
	}
	name := r.rest[1:end]
	want, ok := class(name)
	if !ok {
		return nil, fmt.Errorf("there is no class <%s>", name)
	}
	r.rest = r.rest[end+1:]
	return []node{{kind: nodeTag, tag: want}}, nil
}

// match reports the end of a match of nodes that begins at token i, or -1. Alternatives are tried in
// the order written, gaps from short to long; the first that fits wins.
func match(nodes []node, tokens []token, i int) int {
	if len(nodes) == 0 {
		return i
	}
	n, rest := &nodes[0], nodes[1:]
	switch n.kind {
	case nodeOpen:
		if i < len(tokens) && tokens[i].has(tagOpen) || i == 0 {
			return match(rest, tokens, i)
		}
		return -1
	case nodeShut:
		if i >= len(tokens) || tokens[i].has(tagComma) || tokens[i].has(tagShut) {
			return match(rest, tokens, i)
		}
		return -1
	case nodeGap:
		return matchGap(n, rest, tokens, i)
	case nodeOneOf:
		for _, alternative := range n.oneOf {
			if end := match(alternative, tokens, i); end >= 0 {
				if done := match(rest, tokens, end); done >= 0 {
					return done
				}
			}
		}
	default:
		if width := n.width(tokens, i); width > 0 {
			if done := match(rest, tokens, i+width); done >= 0 {
				return done
			}
		}
	}
	if n.optional {
		return match(rest, tokens, i)
	}
	return -1
}

func matchGap(n *node, rest []node, tokens []token, i int) int {
	for skipped := 0; ; skipped++ {
		if end := match(rest, tokens, i); end >= 0 {
			return end
		}
		if i >= len(tokens) || skipped == n.most || tokens[i].has(tagComma) && !n.commas {
			return -1
		}
		i += max(1, tokens[i].jump)
	}
}

// width is how many tokens a word or class takes at i; 0 where it does not fit.
func (n *node) width(tokens []token, i int) int {
	if i >= len(tokens) {
		return 0
	}
	t := &tokens[i]
	if n.kind == nodeWord {
		if t.word == n.word || n.word == "is" && t.word == "'s" {
			return 1
		}
		return 0
	}
	switch {
	case n.tag == 0:
		if t.has(tagComma) {
			return 0
		}
	case !t.has(n.tag):
		return 0
	}
	return max(1, t.jump)
}

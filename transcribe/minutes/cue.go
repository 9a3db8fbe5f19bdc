package minutes

import (
	"fmt"
	"strconv"
	"strings"
)

// cueKind says what a cue means for the sentence it stands in.
type cueKind uint8

// The kinds, as tables name them.
const (
	cueCommit  cueKind = iota // the speaker takes it on: owner is the speaker
	cueRequest                // somebody is asked: owner is who is named, or "you"
	cueAssign                 // somebody named gets it
	cueOwe                    // a department has to
	cueAll                    // everybody has to
	cueOpen                   // somebody has to: owner is who accepts
	cueList                   // says that work is listed; owner is named elsewhere
	cueAccept                 // answers a request with yes
	cueRefuse                 // answers a request with no, or withdraws it
	cueAgainst                // speaks against an item
	cueDecide                 // a decision
	cueAsk                    // a question
	cueUnsure                 // an answer that leaves a question open
	cueKinds                  // how many there are
)

// cueKindNames are in the order of the constants.
func cueKindNames() [cueKinds]string {
	return [cueKinds]string{
		"commit", "request", "assign", "owe", "all", "open", "list",
		"accept", "refuse", "against", "decide", "ask", "unsure",
	}
}

// work reports whether a cue of this kind can establish an item.
func (k cueKind) work() bool { return k <= cueList }

// cue is one entry of a table: several ways to say one thing.
type cue struct {
	han      bool // from the Chinese table: looked for only where Chinese is spoken
	kind     cueKind
	name     string // unique in its table and kind; what "why" shows
	weight   float64
	patterns []pattern
}

// cueIndex finds the cues of a sentence. It is constant.
type cueIndex struct {
	cues  []cue
	first map[string][]patternRef // patterns by the word they begin with
	class []classRefs             // patterns by the class they begin with
	any   []patternRef            // patterns that may begin with anything
}

// patternRef names one pattern of one cue.
type patternRef struct {
	cue, pattern int
}

// classRefs are the patterns that begin with one class.
type classRefs struct {
	tag  tag
	refs []patternRef
}

// hit is one cue found in a sentence.
type hit struct {
	cue      int
	from, to int  // tokens
	loose    bool // its pattern has a gap
}

// readCues compiles tables into an index.
func readCues(fold *folder, english, chinese string) (*cueIndex, error) {
	x := &cueIndex{first: map[string][]patternRef{}}
	kinds := map[string]cueKind{}
	for i, name := range cueKindNames() {
		kinds[name] = cueKind(i)
	}
	for i, table := range [...]string{english, chinese} {
		number := 0
		for line := range strings.Lines(table) {
			number++
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' {
				continue
			}
			if err := x.line(fold, kinds, line, i == 1); err != nil {
				return nil, fmt.Errorf("line %d: %w", number, err)
			}
		}
	}
	x.index()
	return x, nil
}

// line reads a heading or a pattern.
func (x *cueIndex) line(fold *folder, kinds map[string]cueKind, line string, han bool) error {
	if line[0] != '[' {
		if len(x.cues) == 0 {
			return fmt.Errorf("a pattern stands before the first heading")
		}
		p, err := compile(fold, line)
		if err != nil {
			return err
		}
		c := &x.cues[len(x.cues)-1]
		c.patterns = append(c.patterns, p)
		return nil
	}
	fields := strings.Fields(strings.Trim(line, "[]"))
	if len(fields) != 3 {
		return fmt.Errorf("heading %q: want kind, name and weight", line)
	}
	kind, ok := kinds[fields[0]]
	if !ok {
		return fmt.Errorf("heading %q: there is no kind %q", line, fields[0])
	}
	weight, err := strconv.ParseFloat(fields[2], 64)
	if err != nil {
		return fmt.Errorf("heading %q: %w", line, err)
	}
	x.cues = append(x.cues, cue{han: han, kind: kind, name: fields[1], weight: weight})
	return nil
}

// index sorts patterns by what they can begin with.
func (x *cueIndex) index() {
	for c := range x.cues {
		for p := range x.cues[c].patterns {
			ref := patternRef{c, p}
			words, all := map[string]bool{}, false
			begins(x.cues[c].patterns[p].nodes, words, &all)
			if nodes := x.cues[c].patterns[p].nodes; all && nodes[0].kind == nodeTag && nodes[0].tag != 0 && !nodes[0].optional {
				x.addClass(nodes[0].tag, ref)
				continue
			}
			if all {
				x.any = append(x.any, ref)
				continue
			}
			for word := range words {
				x.first[word] = append(x.first[word], ref)
			}
		}
	}
}

func (x *cueIndex) addClass(t tag, ref patternRef) {
	for i := range x.class {
		if x.class[i].tag == t {
			x.class[i].refs = append(x.class[i].refs, ref)
			return
		}
	}
	x.class = append(x.class, classRefs{tag: t, refs: []patternRef{ref}})
}

// begins collects the words that a match of nodes can begin with; all is set where a class can.
// It reports whether nodes can match nothing.
func begins(nodes []node, words map[string]bool, all *bool) bool {
	for i := range nodes {
		n := &nodes[i]
		empty := n.optional
		switch n.kind {
		case nodeOpen, nodeShut:
			empty = true
		case nodeWord:
			words[n.word] = true
			if n.word == "is" {
				words["'s"] = true
			}
		case nodeTag, nodeGap:
			*all = true
		case nodeOneOf:
			for _, alternative := range n.oneOf {
				if begins(alternative, words, all) {
					empty = true
				}
			}
		}
		if !empty {
			return false
		}
	}
	return true
}

// find lists the cues of a sentence in order of position, each cue at most once per position.
func (x *cueIndex) find(tokens []token, han bool) []hit {
	var hits []hit
	for i := range tokens {
		begin := len(hits)
		try := func(ref patternRef) {
			c := &x.cues[ref.cue]
			if c.han && !han {
				return
			}
			for _, h := range hits[begin:] {
				if h.cue == ref.cue {
					return
				}
			}
			if end := match(c.patterns[ref.pattern].nodes, tokens, i); end > i {
				hits = append(hits, hit{cue: ref.cue, from: i, to: end, loose: c.patterns[ref.pattern].loose})
			}
		}
		for _, ref := range x.first[tokens[i].word] {
			try(ref)
		}
		for _, class := range x.class {
			if tokens[i].has(class.tag) {
				for _, ref := range class.refs {
					try(ref)
				}
			}
		}
		for _, ref := range x.any {
			try(ref)
		}
	}
	return hits
}

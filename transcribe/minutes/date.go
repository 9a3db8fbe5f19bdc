package minutes

import (
	"github.com/parley/parley"
)

// role is what a time expression is said to be: the word before it, or after it in Chinese.
type role uint8

const (
	roleOn     role = iota // on Friday, Friday, 星期五: the day itself
	roleBy                 // by, until, within, 內: at the latest then
	roleBefore             // before, 前: then or the day before
	roleNot                // for, from, since: says when something is, not when work is due
	rolePast               // yesterday, 上週: over
	roleOften              // every Monday, 每週: a habit
)

// when is one time expression found in a sentence.
type when struct {
	from, to int // tokens, from the preposition on
	role     role
	span     span // zero where the words name no date
	dated    bool
	rule     string // which rule resolved it
}

// calendar resolves time expressions. It is constant and safe for concurrent use.
type calendar struct {
	holidays []holiday
}

// timeParser walks over the tokens of one sentence.
type timeParser struct {
	*calendar
	tokens []token
	at     int
	today  day
}

// timeRule tries to read one kind of time expression at p.at; it moves p.at behind it.
type timeRule struct {
	name string
	read func(p *timeParser) (span, bool)
}

// word moves on over one of the words.
func (p *timeParser) word(words ...string) bool {
	if p.at >= len(p.tokens) {
		return false
	}
	for _, word := range words {
		if p.tokens[p.at].word == word {
			p.at++
			return true
		}
	}
	return false
}

// han moves on over one of the Chinese words, longest first as listed.
func (p *timeParser) han(words ...string) string {
	for _, word := range words {
		at := p.at
		for _, r := range word {
			if at >= len(p.tokens) || p.tokens[at].word != string(r) {
				at = -1
				break
			}
			at++
		}
		if at >= 0 {
			p.at = at
			return word
		}
	}
	return ""
}

// peek is the word at an offset from here, or "".
func (p *timeParser) peek(offset int) string {
	if at := p.at + offset; at >= 0 && at < len(p.tokens) {
		return p.tokens[at].word
	}
	return ""
}

// number reads a cardinal.
func (p *timeParser) number() (int, bool) {
	n, width := cardinal(p.tokens, p.at)
	p.at += width
	return n, width > 0
}

// find lists the time expressions of a sentence, in order, never overlapping. A longer reading wins
// over a shorter one that begins at the same token.
func (c *calendar) find(tokens []token, today day) []when {
	var found []when
	for i := 0; i < len(tokens); {
		w, ok := c.readAt(tokens, i, today)
		if !ok {
			i++
			continue
		}
		found = append(found, w)
		i = w.to
	}
	return found
}

// readAt takes the longest reading at token i.
func (c *calendar) readAt(tokens []token, i int, today day) (when, bool) {
	p := &timeParser{calendar: c, tokens: tokens, at: i, today: today}
	if tokens[i].has(tagHan) || tokens[i].has(tagNum) {
		if w, ok := p.readChinese(); ok {
			return w, true
		}
		p.at = i
	}
	return p.readEnglish()
}

// longest runs rules and keeps the reading that goes furthest.
func (p *timeParser) longest(rules []timeRule) (s span, rule string, ok bool) {
	start, end := p.at, p.at
	for _, r := range rules {
		p.at = start
		if got, fits := r.read(p); fits && p.at > end {
			s, rule, ok, end = got, r.name, true, p.at
		}
	}
	p.at = end
	return s, rule, ok
}

// settle applies the role to a span and keeps it on or after the meeting day. A reading whose words
// name a day that is over, or none, stays undated.
func (w *when) settle(s span, today day) {
	if s == (span{}) || w.role >= roleNot {
		return
	}
	if w.role == roleBefore {
		s.lo = min(s.lo, s.hi-1)
	}
	w.span, w.dated = s.from(today)
}

// due makes the form that minutes carry; text is the verbatim expression.
func (w *when) due(text string) *parley.Due {
	d := &parley.Due{Text: text}
	if w.dated {
		d.Date, d.Earliest, d.Latest = w.span.best.date(), w.span.lo.date(), w.span.hi.date()
	}
	return d
}

package minutes

import (
	"strings"

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
	english  []timeRule
	chinese  []timeRule
	core     map[string]bool // words one of which every time expression has
}

// newCalendar compiles the rules.
func newCalendar(fold *folder) (*calendar, error) {
	holidays, err := readHolidays(fold, holidayTable)
	if err != nil {
		return nil, err
	}
	c := &calendar{holidays: holidays, english: englishRules(), chinese: chineseRules(), core: map[string]bool{}}
	for word := range strings.FieldsSeq(coreWords) {
		c.core[word] = true
	}
	for _, h := range holidays {
		for _, words := range h.words {
			c.core[words[0]] = true
		}
	}
	return c, nil
}

// coreWords keep the rules from being tried where no time is spoken of: without one of these words
// among the next few, nothing can match.
const coreWords = `today tonight tomorrow yesterday day days eod cob eob business play week weeks weekend month months
year quarter q1 q2 q3 q4 hour hours fortnight morning afternoon evening night noon midday midnight lunch lunchtime
am pm o'clock thing time
monday mondays mon tuesday tuesdays tue tues wednesday wednesdays wed thursday thursdays thu thurs friday fridays fri
saturday saturdays sunday sundays january jan february feb march april apr may june jun july jul august aug september
sept october oct november nov december dec
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
sixteenth seventeenth eighteenth nineteenth twentieth twenty thirtieth thirty
日 天 号 月 周 拜 期 年 季 今 明 后 听 聼 昨 寻 琴 噚 钟 点 时 晚 朝 夜 昼 收 放 下 落 散 午 即 当 翌 啱 刚 头 前 上 初 底 尾`

// near is how far ahead of a token its core word may stand.
const near = 7

// reach tells from which tokens on a core word is near; nil where there is none at all.
func (c *calendar) reach(tokens []token) []bool {
	reached := make([]bool, len(tokens))
	any, last := false, len(tokens)+near
	for i := len(tokens) - 1; i >= 0; i-- {
		if tokens[i].has(tagNum) || c.core[tokens[i].word] {
			last, any = i, true
		}
		reached[i] = last-i <= near
	}
	if !any {
		return nil
	}
	return reached
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
	reached := c.reach(tokens)
	if reached == nil {
		return nil
	}
	for i, end := 0, 0; i < len(tokens); {
		inNumber := i > end && chineseDigit(tokens[i].word) >= 0 && chineseDigit(tokens[i-1].word) >= 0
		if !reached[i] || inNumber {
			i++
			continue
		}
		w, ok := c.readAt(tokens, i, today)
		if !ok {
			i++
			continue
		}
		found = append(found, w)
		i, end = w.to, w.to
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

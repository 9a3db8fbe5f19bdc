package minutes

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/parley/parley"
)

// talk is a transcript made ready for the rules.
type talk struct {
	transcript *parley.Transcript
	lexicon    *lexicon
	roster     *roster
	person     map[parley.ParticipantID]int
	today      day // the meeting day, in the meeting's zone
	hasDay     bool
	lines      []line
	around     []line       // an excerpt that is taken for part of a long meeting: the lines around it, or nil
	before     int          // an excerpt: lines of around before it
	model      *model       // or nil: the rules alone decide
	shares     map[int]int  // lines of each speaker, counted when first needed
	set        *featureSet  // scratch
	cached     [][]claim    // claims of each line, found when first needed
	marks      map[int]mark // lines that people asked to note; nil until items
}

// line is one sentence of one speaker; it may span utterances that a recognizer cut in the middle.
type line struct {
	tokens   []token
	speaker  int // index of the participant, -1 for one not on the roster
	asks     bool
	han      bool // mostly Chinese characters
	typed    bool // a command asks to note it
	mentions []mention
	dates    []when
	hits     []hit
	cues     []string // names of the cues, found when first needed
	words    []uint32 // hashes of the words, found when first needed
}

// mention is a name or a department.
type mention struct {
	from, to  int
	who       []int // participants; nil for a department
	ambiguous bool  // who holds everybody it may be
}

// limits that keep one endless utterance from becoming one endless sentence.
const (
	longLine    = 60 // tokens without a full stop: break at the next word that begins a thought
	longestLine = 160
	sameBreath  = time.Second // between utterances that may be one sentence
)

// newTalk cuts and tags a transcript.
func newTalk(l *lexicon, t *parley.Transcript) *talk {
	k := &talk{
		transcript: t, lexicon: l, roster: newRoster(l.fold, t.Participants),
		person: make(map[parley.ParticipantID]int, len(t.Participants)),
	}
	for i, p := range t.Participants {
		k.person[p.ID] = i
	}
	reckoned := t.Meeting.Reckoned
	if reckoned.IsZero() {
		reckoned = t.Meeting.Started
	}
	if !reckoned.IsZero() {
		k.today, k.hasDay = dayOf(reckoned.In(t.Meeting.Location())), true
	}
	k.cut()
	for i := range k.lines {
		k.tag(&k.lines[i])
	}
	return k
}

// cut makes lines of utterances.
func (k *talk) cut() {
	open := false // the last line ended without a full stop on a word that wants another
	for u := range k.transcript.Utterances {
		utterance := &k.transcript.Utterances[u]
		speaker, known := k.person[utterance.Participant]
		if !known {
			speaker = -1
		}
		s := scanner{fold: k.lexicon.fold, utt: u, text: utterance.Text, from: typedMarker(utterance.Text)}
		s.scan()
		if len(s.tokens) == 0 {
			continue
		}
		if s.from > 0 {
			k.lines = append(k.lines, line{tokens: s.tokens[:min(len(s.tokens), longestLine)], speaker: speaker, typed: true})
			open = false
			continue
		}
		begin := 0
		for _, stop := range append(s.stops, len(s.tokens)) {
			if stop <= begin {
				continue
			}
			asks := len(s.asks) > 0 && contains(s.asks, stop)
			part := s.tokens[begin:stop]
			if begin == 0 && open && k.continues(u, speaker) {
				last := &k.lines[len(k.lines)-1]
				last.tokens, last.asks = append(last.tokens, part...), asks
			} else {
				k.addLines(part, speaker, asks)
			}
			begin = stop
		}
		ended := len(s.stops) > 0 && s.stops[len(s.stops)-1] == len(s.tokens)
		open = !ended && wantsMore(s.tokens[len(s.tokens)-1].word)
	}
}

// continues reports whether utterance u goes on with the sentence of the one before.
func (k *talk) continues(u, speaker int) bool {
	last := &k.lines[len(k.lines)-1]
	if u == 0 || last.speaker != speaker || len(last.tokens) > longLine || last.tokens[0].utt < u-2 {
		return false
	}
	gap := k.transcript.Utterances[u].Start - k.transcript.Utterances[u-1].End
	return gap <= sameBreath
}

// wantsMore are words that no sentence ends with.
func wantsMore(word string) bool {
	switch word {
	case "the", "a", "an", "to", "and", "or", "of", "by", "for", "with", "from", "on", "at", "in", "will", "can", "could",
		"would", "should", "please", "my", "our", "your", "is", "are", "am", "i", "before", "until", "next", "this",
		"把", "将", "的", "嘅", "跟", "同", "和", "由", "请", "俾", "给", "要", "会", "在", "喺", "你", "我", "下", "个":
		return true
	}
	return false
}

// addLines adds a sentence; a very long one is broken where a new thought may begin.
func (k *talk) addLines(tokens []token, speaker int, asks bool) {
	for len(tokens) > longLine {
		at := longestLine
		for i := longLine / 2; i < len(tokens) && i < longestLine; i++ {
			if tokens[i].has(tagComma) || beginsThought(tokens[i].word) {
				at = i
				break
			}
		}
		if at >= len(tokens) {
			break
		}
		k.lines = append(k.lines, line{tokens: tokens[:at:at], speaker: speaker})
		tokens = tokens[at:]
	}
	k.lines = append(k.lines, line{tokens: tokens[:len(tokens):len(tokens)], speaker: speaker, asks: asks})
}

func beginsThought(word string) bool {
	switch word {
	case "so", "then", "but", "okay", "anyway", "also", "然", "但", "另", "咁", "那", "跟":
		return true
	}
	return false
}

// text is the verbatim text of tokens from to to-1 of a line; where they span utterances, their texts
// joined by a blank.
func (k *talk) text(l *line, from, to int) string {
	var parts []string
	for i := from; i < to; {
		j := i
		for j+1 < to && l.tokens[j+1].utt == l.tokens[i].utt {
			j++
		}
		whole := k.transcript.Utterances[l.tokens[i].utt].Text
		parts = append(parts, whole[l.tokens[i].start:l.tokens[j].end])
		i = j + 1
	}
	return strings.Join(parts, " ")
}

// tag marks names, departments, dates, verbs and clause boundaries, and then finds the cues.
func (k *talk) tag(l *line) {
	l.tokens = collapse(l.tokens)
	han := 0
	for i := range l.tokens {
		t := &l.tokens[i]
		t.tags |= k.lexicon.verbs[t.word]
		if t.has(tagHan) {
			han++
		}
	}
	l.han = han*2 >= len(l.tokens)
	k.bound(l)
	for i := 0; i < len(l.tokens); i += max(1, l.tokens[i].jump) {
		k.tagMention(l, i)
	}
	k.group(l)
	if k.hasDay {
		l.dates = k.lexicon.calendar.find(l.tokens, k.today)
	}
	for i, d := range l.dates {
		first := &l.tokens[d.from]
		if first.jump == 0 {
			first.tags |= tagDate
			first.jump, first.ref = d.to-d.from, i
		}
	}
	l.hits = k.lexicon.cues.find(l.tokens, han > 0)
}

// bound marks where clauses begin and where only particles follow.
func (k *talk) bound(l *line) {
	open, clause := true, 0
	for i := range l.tokens {
		t := &l.tokens[i]
		if t.has(tagComma) || i > 0 && breaks(t.word) {
			clause++
		}
		t.clause = clause
		if open {
			t.tags |= tagOpen
		}
		open = t.has(tagComma) || isLink(t.word) || open && isLead(t.word)
	}
	shut := true
	for i := len(l.tokens) - 1; i >= 0; i-- {
		t := &l.tokens[i]
		if t.has(tagComma) {
			shut = true
			continue
		}
		shut = shut && isParticle(t.word)
		if shut {
			t.tags |= tagShut
		}
	}
}

// breaks are words that begin a clause of another mood.
func breaks(word string) bool {
	switch word {
	case "but", "so", "because", "otherwise", "once", "since", "although", "while", "但", "否", "然":
		return true
	}
	return false
}

// isLink are words that join clauses.
func isLink(word string) bool {
	switch word {
	case "and", "but", "so", "because", "then", "or", "otherwise", "跟", "咁", "那":
		return true
	}
	return false
}

// isLead are words that may stand before a clause without being part of it.
func isLead(word string) bool {
	switch word {
	case "okay", "right", "well", "yeah", "yes", "no", "now", "also", "like", "oh", "just", "alright", "please", "good", "great",
		"嗯", "好", "哦", "啊", "咁", "那", "就", "跟", "住":
		return true
	}
	return false
}

func isParticle(word string) bool {
	switch word {
	case "吧", "啦", "呀", "啊", "喇", "㗎", "囉", "啰", "喎", "呢", "吖", "嘛", "吗", "佢", "先", "了", "哦", "喔", "嘅", "的", "唔", "该", "咯", "噶", "咩", "please", "okay", "then", "thanks", "too", "though", "yeah", "right", "now":
		return true
	}
	return false
}

// tagMention marks the name or department that begins at token i.
func (k *talk) tagMention(l *line, i int) {
	t := &l.tokens[i]
	if t.has(tagComma) {
		return
	}
	verbatim := k.transcript.Utterances[t.utt].Text[t.start:t.end]
	dept := k.lexicon.depts.at(l.tokens, i, verbatim)
	if c := k.roster.at(l.tokens, i); c != nil && len(c.words) >= dept && k.isName(l, i, c, verbatim) {
		t.tags, t.jump, t.ref = t.tags|tagName, len(c.words), len(l.mentions)
		l.mentions = append(l.mentions, mention{from: i, to: i + len(c.words), who: c.who, ambiguous: len(c.who) > 1})
		return
	}
	if dept > 0 {
		t.tags, t.jump, t.ref = t.tags|tagDept, dept, len(l.mentions)
		l.mentions = append(l.mentions, mention{from: i, to: i + dept})
	}
}

// group makes one mention of "Ivy and Jack" and 美玲跟家豪, so that both own what follows.
func (k *talk) group(l *line) {
	for i := 0; i+1 < len(l.mentions); i++ {
		a, b := &l.mentions[i], &l.mentions[i+1]
		if len(a.who) == 0 || len(b.who) != 1 || a.ambiguous || b.from != a.to+1 || !k.joins(l, a.to, b.to) {
			continue
		}
		a.who = append(append([]int(nil), a.who...), b.who...)
		a.to = b.to
		l.tokens[a.from].jump = a.to - a.from
		inner := &l.tokens[b.from]
		inner.tags, inner.jump, inner.ref = inner.tags&^tagName, 0, -1
		l.mentions = append(l.mentions[:i+1], l.mentions[i+2:]...)
		for j := range l.mentions {
			l.tokens[l.mentions[j].from].ref = j
		}
		i--
	}
}

// joins reports whether the word at token i joins two names rather than one telling the other.
func (k *talk) joins(l *line, i, after int) bool {
	next := ""
	if after < len(l.tokens) {
		next = l.tokens[after].word
	}
	switch l.tokens[i].word {
	case "and", "&", "和", "及", "与":
		return next != "to" || !l.tokens[i+1].has(tagOpen)
	case "跟", "同":
		switch next {
		case "说", "讲", "话", "确", "对", "讨", "联", "沟", "要", "拿", "商", "学":
			return false
		}
		return true
	}
	return l.tokens[i].has(tagComma) && (next == "and" || next == "和")
}

// isName decides whether a calling is one here: "will" and "data" are also words.
func (k *talk) isName(l *line, i int, c *calling, verbatim string) bool {
	weak := c.title || len(c.words) == 1 && isCommonWord(c.words[0])
	if !weak || len(c.words) > 1 && !c.title {
		return true
	}
	next := ""
	if i+len(c.words) < len(l.tokens) {
		next = l.tokens[i+len(c.words)].word
	}
	before := ""
	if i > 0 {
		before = l.tokens[i-1].word
	}
	first, _ := utf8.DecodeRuneInString(verbatim)
	capital := unicode.IsUpper(first) && len(verbatim) > 1
	if c.title {
		return followsName(next) && (before == "the" || before == "" || l.tokens[i].has(tagOpen) || capital) ||
			before == "for" && next == "" || handsOver(before)
	}
	if before == "the" || before == "a" || before == "i" || before == "you" || before == "we" || before == "to" {
		return false
	}
	if capital && i > 0 && !l.tokens[i-1].has(tagOpen) {
		return true
	}
	return next == "," && capital || modalAfterName(next)
}

// followsName are words behind a name or title that make somebody do something.
func followsName(next string) bool {
	switch next {
	case ",", "you", "your", "has", "have", "is", "'s", "to", "needs", "要", "会", "你", "负", "跟", "去", "把", "这", "那":
		return true
	}
	return modalAfterName(next)
}

func modalAfterName(next string) bool {
	switch next {
	case "can", "could", "would", "should", "will", "must", "please", "needs", "has", "is", "'s":
		return true
	}
	return false
}

// isCommonWord are given names that are also everyday words.
func isCommonWord(word string) bool {
	switch word {
	case "will", "mark", "bill", "may", "grace", "rose", "art", "rob", "sue", "pat", "drew", "dean", "frank", "hope", "joy",
		"faith", "summer", "april", "june", "august", "chase", "grant", "chip", "dawn", "ray", "miles", "max", "rich", "sandy",
		"penny", "page", "reed", "wade", "pierce", "lance", "skip", "buck", "cliff", "don", "gene", "guy", "nick", "ruby",
		"van", "young", "song", "long", "king", "case", "an", "man", "so", "see", "you", "he", "she", "me", "in", "do",
		"go", "my", "lee", "bo", "ha", "hi", "no", "the", "tom's", "win", "sunny", "star", "happy", "june's", "autumn", "sky", "wing", "dev":
		return true
	}
	return false
}

// collapse drops what a speaker or recognizer said twice in a row: "the the", "i am i am".
func collapse(tokens []token) []token {
	out := tokens[:0:0]
	for i := 0; i < len(tokens); {
		if n := stutter(tokens, i); n > 0 {
			i += n
			continue
		}
		out = append(out, tokens[i])
		i++
	}
	return out
}

// stutter is the length of the words at i that are said again at once; in Chinese only words that are
// not doubled on purpose.
func stutter(tokens []token, i int) int {
	for n := 3; n >= 1; n-- {
		if i+2*n > len(tokens) {
			continue
		}
		same := true
		for j := range n {
			a, b := &tokens[i+j], &tokens[i+n+j]
			if a.word != b.word || a.has(tagComma) || a.has(tagNum) || a.start == b.start && a.utt == b.utt {
				same = false
				break
			}
		}
		if same && (!tokens[i].has(tagHan) || n == 1 && isPronoun(tokens[i].word) || n == 2 && isPointer(tokens[i].word)) {
			return n
		}
	}
	return 0
}

func isPronoun(word string) bool {
	return word == "我" || word == "你" || word == "佢" || word == "就"
}

func isPointer(word string) bool {
	return word == "那" || word == "这" || word == "嗰" || word == "呢"
}

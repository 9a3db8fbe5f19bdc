package minutes

import "time"

func englishWeekday(word string) (int, bool) {
	for i, names := range [...][4]string{
		{"monday", "mon", "mondays"},
		{"tuesday", "tue", "tues", "tuesdays"},
		{"wednesday", "wed", "wednesdays"},
		{"thursday", "thu", "thurs", "thursdays"},
		{"friday", "fri", "fridays"},
		{"saturday", "saturdays"},
		{"sunday", "sundays"},
	} {
		for _, name := range names {
			if name != "" && word == name {
				return i, true
			}
		}
	}
	return 0, false
}

func englishMonth(word string) (time.Month, bool) {
	for i, names := range [...][2]string{
		{"january", "jan"},
		{"february", "feb"},
		{"march"},
		{"april", "apr"},
		{"may"},
		{"june", "jun"},
		{"july", "jul"},
		{"august", "aug"},
		{"september", "sept"},
		{"october", "oct"},
		{"november", "nov"},
		{"december", "dec"},
	} {
		if word == names[0] || names[1] != "" && word == names[1] {
			return time.Month(i + 1), true
		}
	}
	return 0, false
}

// englishRules are tried at every token; the longest reading wins.
func englishRules() []timeRule {
	return []timeRule{
		{"day", readDayWord},
		{"clock", readClock},
		{"weekday", readWeekday},
		{"week", readWeek},
		{"weekend", readWeekend},
		{"month", readMonth},
		{"month day", readMonthDay},
		{"day of month", readDayOfMonth},
		{"part of month", readMonthPart},
		{"quarter", readQuarter},
		{"year", readYear},
		{"duration", readDuration},
		{"holiday", readHoliday},
		{"iso", readISO},
		{"slash", readSlash},
	}
}

// readEnglish reads a preposition, the expression, and a time of day after it.
func (p *timeParser) readEnglish() (when, bool) {
	w := when{from: p.at}
	w.role = p.preposition()
	begin := p.at
	if w.role == roleBefore { // before the demo on Tuesday
		p.skipEvent()
	}
	s, rule, ok := p.longest(p.english)
	if !ok && p.at != begin {
		p.at = begin
		s, rule, ok = p.longest(p.english)
	}
	if !ok || rule == "holiday" && begin == w.from { // "the Christmas banner" is no date
		return when{}, false
	}
	if s == pastSpan() {
		w.role, s = rolePast, span{}
	}
	p.timeOfDay()
	if w.role == roleOn && p.at < len(p.tokens) && p.tokens[p.at].has(tagHan) { // Q3 前
		w.role = p.chineseAfterword(rule)
	}
	w.to, w.rule = p.at, rule
	w.settle(s, p.today)
	return w, true
}

// preposition moves over the words before a date and says what they make of it.
func (p *timeParser) preposition() role {
	switch {
	case p.word("by", "until", "till", "til", "within", "inside"):
		p.word("like", "say", "around", "about", "maybe")
		return roleBy
	case p.peek(0) == "no" && p.peek(1) == "later" && p.peek(2) == "than":
		p.at += 3
		return roleBy
	case p.word("before"):
		p.word("like", "maybe")
		return roleBefore
	case p.word("for", "from", "since", "after", "of", "between"):
		return roleNot
	case p.word("every", "each"):
		return roleOften
	case p.word("on", "at", "over", "during", "in"):
		return roleOn
	}
	return roleOn
}

// skipEvent moves over a few words up to "on": "the demo on".
func (p *timeParser) skipEvent() {
	if p.peek(0) != "the" && p.peek(0) != "our" {
		return
	}
	for offset := 2; offset <= 4; offset++ {
		if p.peek(offset) == "on" {
			p.at += offset + 1
			return
		}
	}
}

// timeOfDay moves over "morning", "at ten", "close of business" after a day.
func (p *timeParser) timeOfDay() {
	at := p.at
	p.word("at", "by", "around")
	if p.at > at {
		if _, ok := p.number(); ok {
			p.word("am", "pm", "o'clock")
			return
		}
		p.at = at
	}
	p.word("morning", "afternoon", "evening", "night", "noon", "lunchtime")
	at = p.at
	if p.word("'s") && !p.word("meeting", "call", "session", "standup", "review") {
		p.at = at
	}
}

// pastSpan marks an expression that lies behind the meeting.
func pastSpan() span { return span{lo: -1, hi: -1, best: -1} }

func readDayWord(p *timeParser) (span, bool) {
	switch {
	case p.word("yesterday"):
		return pastSpan(), true
	case p.word("last"):
		if _, ok := englishWeekday(p.peek(0)); ok || p.word("week", "month", "year", "night", "quarter", "time") {
			if ok {
				p.at++
			}
			return pastSpan(), true
		}
		return span{}, false
	case p.word("today", "tonight"):
		return single(p.today), true
	case p.word("tomorrow"):
		return single(p.today + 1), true
	case p.word("this"):
		if p.word("morning", "afternoon", "evening") {
			return single(p.today), true
		}
		return span{}, false
	}
	the := p.word("the")
	if p.word("day") {
		if p.word("after") && p.word("tomorrow") {
			return single(p.today + 2), true
		}
		return span{}, false
	}
	if the && !p.word("end", "close") || !the && !p.word("end", "close", "first", "eod", "cob", "eob") {
		return span{}, false
	}
	switch p.peek(-1) {
	case "eod", "cob", "eob":
	case "first":
		if !p.word("thing") {
			return span{}, false
		}
	default:
		if !p.word("of") {
			return span{}, false
		}
		p.word("the") // or not
		if !p.word("day", "business", "play") {
			return span{}, false
		}
	}
	return p.dayAfterTime()
}

// dayAfterTime reads the day that "end of day" belongs to; today where none follows.
func (p *timeParser) dayAfterTime() (span, bool) {
	at := p.at
	p.word("on")
	if p.word("tomorrow") {
		return single(p.today + 1), true
	}
	if p.word("today") {
		return single(p.today), true
	}
	if s, ok := readWeekday(p); ok {
		return s, true
	}
	p.at = at
	return single(p.today), true
}

// readClock reads a time of day alone, which means the meeting day.
func readClock(p *timeParser) (span, bool) {
	before := p.peek(-1)
	if p.word("lunch", "lunchtime", "noon", "midday", "midnight") {
		s, _ := p.dayAfterTime()
		return s, before == "before" || before == "by" || before == "after" || before == "until"
	}
	if _, ok := p.number(); ok && p.word("am", "pm", "o'clock") {
		return p.dayAfterTime()
	}
	if len(p.peek(0)) > 2 && p.tokens[p.at].has(tagNum) {
		word := p.peek(0)
		if tail := word[len(word)-2:]; tail == "am" || tail == "pm" {
			p.at++
			return p.dayAfterTime()
		}
	}
	return span{}, false
}

// readWeekday reads Friday, next Friday, Friday next week, Friday week, a week on Friday, Friday the
// thirtieth.
func readWeekday(p *timeParser) (span, bool) {
	weeks := 0
	if p.word("a") {
		if !p.word("week") || !p.word("on", "from") {
			return span{}, false
		}
		weeks = 1
	}
	p.word("the")
	next, this := p.word("next"), p.word("this", "coming")
	if (next || this) && p.word("week") { // next week Thursday, next week on Thursday
		p.word("on", "'s")
	} else if p.word("following") {
		weeks++
	}
	weekday, ok := englishWeekday(p.peek(0))
	if !ok {
		return span{}, false
	}
	p.at++
	d := p.today.nextWeekday(weekday)
	switch {
	case p.peek(0) == "next" && p.peek(1) == "week":
		p.at += 2
		next = true
	case p.peek(0) == "of" && p.peek(1) == "next" && p.peek(2) == "week":
		p.at += 3
		next = true
	case p.word("week"):
		weeks++
	case this:
		if day := p.today.monday() + day(weekday); day >= p.today {
			d = day
		}
	}
	if next {
		d = p.today.monday() + 7 + day(weekday)
	}
	at := p.at
	p.word("the")
	if n, width := ordinal(p.tokens, p.at); width > 0 {
		if date, ok := dayOfMonth(p.today, n); ok && date.weekday() == weekday {
			p.at += width
			return single(date), true
		}
	}
	p.at = at
	return single(d + day(7*weeks)), true
}

// partWord reads early, mid, late and their like; -1 where there is none.
func (p *timeParser) partWord() part {
	at := p.at
	p.word("the")
	switch {
	case p.word("early"):
		p.word("in")
		return early
	case p.word("mid", "middle"):
		p.word("of")
		return middle
	case p.word("late", "later"):
		p.word("in")
		return late
	case p.word("start", "beginning", "end"):
		p2 := early
		if p.peek(-1) == "end" {
			p2 = late
		}
		if p.word("of") {
			return p2
		}
	}
	p.at = at
	return whole
}

// readWeek reads this week, next week, end of the week, early next week, the week after next.
func readWeek(p *timeParser) (span, bool) {
	which := p.partWord()
	p.word("the")
	monday := p.today.monday()
	switch {
	case p.word("next"):
		monday += 7
	case p.word("this", "coming"):
	case p.peek(0) == "week" && p.peek(1) == "after" && p.peek(2) == "next":
		p.at += 3
		return weekPart(monday+14, which), true
	case p.peek(0) == "week" && p.peek(1) == "of":
		p.at += 2
		p.word("the")
		if n, width := ordinal(p.tokens, p.at); width > 0 {
			if d, ok := dayOfMonth(p.today, n); ok {
				p.at += width
				return weekPart(d.monday(), which), true
			}
		}
		return span{}, false
	case which == whole: // "the week" alone says nothing
		return span{}, false
	}
	if !p.word("week") {
		return span{}, false
	}
	if which == whole && p.peek(0) == "and" {
		return weekPart(monday, whole), true
	}
	return weekPart(monday, which), true
}

func readWeekend(p *timeParser) (span, bool) {
	p.word("the")
	monday := p.today.monday()
	if p.word("next") {
		monday += 7
	} else {
		p.word("this", "coming")
	}
	if !p.word("weekend") {
		return span{}, false
	}
	if p.word("of") {
		p.word("the")
		if n, width := ordinal(p.tokens, p.at); width > 0 {
			if d, ok := dayOfMonth(p.today, n); ok {
				p.at += width
				return weekend(d.monday()), true
			}
		}
		return span{}, false
	}
	return weekend(monday), true
}

package minutes

import "time"

// readMonth reads "in March", "by September", "next month", "this month". A bare month needs its
// preposition, since "may" and "march" are also verbs.
func readMonth(p *timeParser) (span, bool) {
	before := p.peek(-1)
	year, month := p.today.ym()
	switch {
	case p.word("next"):
		if !p.word("month") {
			return span{}, false
		}
		y, m := newDay(year, month+1, 1).ym()
		return monthPart(y, m, whole), true
	case p.word("this"):
		return monthPart(year, month, whole), p.word("month")
	}
	m, ok := englishMonth(p.peek(0))
	if !ok {
		return span{}, false
	}
	switch before {
	case "in", "by", "before", "until", "till", "for", "since", "from", "of", "during":
	default:
		return span{}, false
	}
	p.at++
	y := monthAhead(p.today, m)
	if n, isYear := p.yearAfter(); isYear {
		y = n
	}
	s := monthPart(y, m, whole)
	if before != "in" && before != "during" { // by March: from its first day on
		s.best = s.lo
		if before == "before" {
			s.hi = s.lo
		}
	}
	return s, true
}

// yearAfter reads a year behind a date.
func (p *timeParser) yearAfter() (int, bool) {
	at := p.at
	p.word(",")
	if n, ok := digits(p.peek(0)); ok && n >= 1990 && n < 2200 {
		p.at++
		return n, true
	}
	p.at = at
	return 0, false
}

// readMonthDay reads 18 March, March 18th, the twenty-first of March.
func readMonthDay(p *timeParser) (span, bool) {
	if weekday, ok := englishWeekday(p.peek(0)); ok && weekday >= 0 { // Friday, 18 March
		p.at++
		p.word(",")
	}
	p.word("the")
	var month time.Month
	n, width := ordinal(p.tokens, p.at)
	if width == 0 {
		n, width = cardinal(p.tokens, p.at)
	}
	if width > 0 { // day first
		p.at += width
		p.word("of")
		m, ok := englishMonth(p.peek(0))
		if !ok {
			return span{}, false
		}
		p.at++
		month = m
	} else { // month first
		m, ok := englishMonth(p.peek(0))
		if !ok {
			return span{}, false
		}
		p.at++
		month = m
		p.word("the")
		if n, width = ordinal(p.tokens, p.at); width == 0 {
			n, width = cardinal(p.tokens, p.at)
		}
		if width == 0 || n > 31 {
			return span{}, false
		}
		p.at += width
	}
	return p.onMonthDay(month, n), true
}

// onMonthDay finds the next such date, or the one in the year that follows; the zero span for a date
// that does not exist, such as 31 February.
func (p *timeParser) onMonthDay(month time.Month, n int) span {
	if year, ok := p.yearAfter(); ok {
		if d, exists := validDay(year, month, n); exists {
			return single(d)
		}
		return span{}
	}
	if d, exists := monthDay(p.today, month, n); exists {
		return single(d)
	}
	return span{}
}

// readDayOfMonth reads the fourteenth, the 28th. The first three may count other things: "the second
// chart"; they need a clause to end behind them.
func readDayOfMonth(p *timeParser) (span, bool) {
	before := p.peek(-1)
	the := p.word("the")
	n, width := ordinal(p.tokens, p.at)
	if width == 0 || n > 31 {
		return span{}, false
	}
	p.at += width
	numeral := p.tokens[p.at-1].has(tagNum)
	switch before {
	case "on", "by", "before", "until", "till", "for", "from", "since":
	default:
		if !numeral && !the {
			return span{}, false
		}
		if !numeral && n < 11 {
			return span{}, false
		}
	}
	if n <= 10 && p.at < len(p.tokens) && !p.tokens[p.at].has(tagComma) && !p.endsDate() {
		return span{}, false
	}
	if d, ok := dayOfMonth(p.today, n); ok {
		return single(d), true
	}
	return span{}, true
}

// endsDate reports a word that cannot be what a small ordinal counts.
func (p *timeParser) endsDate() bool {
	switch p.peek(0) {
	case "and", "at", "so", "but", "if", "because", "to", "for", "with", "please", "okay", "then", "or", "as", "i", "we", "you":
		return true
	}
	return false
}

// readMonthPart reads month end, end of the month, end of March, mid March, early next month.
func readMonthPart(p *timeParser) (span, bool) {
	year, month := p.today.ym()
	if p.word("month") {
		if p.word("end") {
			return monthEnd(year, month), true
		}
		p.at++ // "month end" is often heard as "month and"
		return monthEnd(year, month), p.peek(-1) == "and" && p.at >= len(p.tokens) && p.peek(-3) == "by"
	}
	which := p.partWord()
	if which == whole {
		return span{}, false
	}
	p.word("the", "this")
	next := p.word("next")
	if p.word("month") {
		if next {
			year, month = newDay(year, month+1, 1).ym()
		} else if s := monthPart(year, month, which); s.hi < p.today { // its beginning is over
			year, month = newDay(year, month+1, 1).ym()
		}
		return monthPart(year, month, which), true
	}
	m, ok := englishMonth(p.peek(0))
	if !ok {
		return span{}, false
	}
	p.at++
	y := monthAhead(p.today, m)
	if n, isYear := p.yearAfter(); isYear {
		y = n
	} else if monthPart(y, m, which).hi < p.today {
		y++
	}
	return monthPart(y, m, which), true
}

// readQuarter reads Q3, the end of Q3, quarter end, this and next quarter.
func readQuarter(p *timeParser) (span, bool) {
	year, month := p.today.ym()
	now := (int(month) + 2) / 3
	p.partWord()
	p.word("the")
	next := p.word("next")
	this := p.word("this", "current")
	if word := p.peek(0); len(word) == 2 && word[0] == 'q' && word[1] >= '1' && word[1] <= '4' {
		p.at++
		quarter := int(word[1] - '0')
		if quarter < now || next {
			year++
		}
		return quarterEnd(year, quarter), true
	}
	if !p.word("quarter") {
		return span{}, false
	}
	if next {
		now++
	} else if before := p.peek(-2); !this && !p.word("end") && before != "the" && before != "of" {
		return span{}, false
	}
	return quarterEnd(year+(now-1)/4, (now-1)%4+1), true
}

// readYear reads year end, the end of the year, the end of next year.
func readYear(p *timeParser) (span, bool) {
	year, _ := p.today.ym()
	if p.word("year") {
		return monthEnd(year, time.December), p.word("end")
	}
	if p.partWord() != late {
		return span{}, false
	}
	p.word("the", "this")
	if p.word("next") {
		year++
	}
	if n, ok := p.yearAfter(); ok {
		return monthEnd(n, time.December), true
	}
	return monthEnd(year, time.December), p.word("year")
}

// readDuration reads in two weeks, within three working days, two days from now, give me a week.
func readDuration(p *timeParser) (span, bool) {
	before := p.peek(-1)
	ahead := before == "in" || before == "within" || before == "inside" || before == "me"
	p.word("the", "next")
	n, ok := p.amount()
	if !ok {
		return span{}, false
	}
	s, ok := p.unit(n)
	if !ok {
		return span{}, false
	}
	if p.word("from") {
		return s, p.word("now", "today")
	}
	at := p.at
	if p.word("'s", "'") {
		if !p.word("time") {
			p.at = at
		}
	} else {
		p.word("time")
	}
	return s, ahead
}

// amount reads how many: a, one, a couple of, a few.
func (p *timeParser) amount() (int, bool) {
	if p.word("a", "an", "one") {
		if p.word("couple") {
			p.word("of")
			return 2, true
		}
		if p.word("few") {
			return 3, true
		}
		return 1, true
	}
	return p.number()
}

// unit reads what is counted and counts it from the meeting day.
func (p *timeParser) unit(n int) (span, bool) {
	working := p.word("working", "business", "work")
	switch {
	case n > 1000:
		return span{}, false
	case p.word("day", "days"):
		if working {
			return single(p.today.workdays(n)), true
		}
		return single(p.today + day(n)), true
	case working:
		return span{}, false
	case p.word("hour", "hours"):
		return single(p.today + day(n/24)), true
	case p.word("week", "weeks"):
		return single(p.today + day(7*n)), true
	case p.word("fortnight"):
		return single(p.today + day(14*n)), true
	case p.word("month", "months"):
		t := p.today.time()
		d, ok := validDay(t.Year(), t.Month()+time.Month(n), t.Day())
		if !ok {
			d = newDay(t.Year(), t.Month()+time.Month(n)+1, 0)
		}
		return single(d), true
	}
	return span{}, false
}

// readISO reads 2026-03-18, which the scanner cut at its dashes.
func readISO(p *timeParser) (span, bool) {
	year, ok := digits(p.peek(0))
	month, ok2 := digits(p.peek(1))
	n, ok3 := digits(p.peek(2))
	if !ok || !ok2 || !ok3 || year < 1990 || len(p.peek(0)) != 4 || len(p.peek(1)) != 2 || len(p.peek(2)) != 2 {
		return span{}, false
	}
	p.at += 3
	if d, exists := validDay(year, time.Month(month), n); exists {
		return single(d), true
	}
	return span{}, true
}

// readSlash reads 18/3 where only one reading exists; 4/5 is two dates, so it is left open.
func readSlash(p *timeParser) (span, bool) {
	a, ok := digits(p.peek(0))
	b, ok2 := digits(p.peek(2))
	if !ok || !ok2 || p.peek(1) != "," || p.at+2 >= len(p.tokens) ||
		p.tokens[p.at+1].start != p.tokens[p.at].end || p.tokens[p.at+1].end != p.tokens[p.at+2].start {
		return span{}, false
	}
	if a < 1 || b < 1 || a > 31 || b > 31 || a > 12 && b > 12 || a <= 12 && b <= 12 && a != b {
		return span{}, false
	}
	p.at += 3
	if a > 12 || a == b {
		return p.onMonthDay(time.Month(b), a), true
	}
	return p.onMonthDay(time.Month(a), b), true
}

package minutes

// findDue takes the best date of the claim's stretch, then of the rest of the line, of a short line
// that goes on, and of the answer.
func (f *found) findDue(k *talk, at int, reply answer) {
	l := &k.lines[f.claim.line]
	if f.bestDate(k, f.claim.line, f.claim.from, f.claim.to) {
		return
	}
	if k.sharedDate(l, f) {
		return
	}
	for _, i := range [...]int{f.claim.line + 1, f.claim.line - 1} {
		if i >= 0 && i < len(k.lines) && k.lines[i].speaker == l.speaker && k.isDateLine(i) && f.bestDate(k, i, 0, len(k.lines[i].tokens)) {
			return
		}
	}
	if reply == accepts && at >= 0 {
		f.bestDate(k, at, 0, len(k.lines[at].tokens))
	}
}

// bestDate takes a date to be done by before one to be done on.
func (f *found) bestDate(k *talk, index, from, to int) bool {
	l := &k.lines[index]
	best := -1
	for i, d := range l.dates {
		if d.from < from || d.from >= to || d.role >= roleNot || !d.dated && d.span == (span{}) && d.role == roleOn {
			continue
		}
		if best < 0 || dateRank(&d) > dateRank(&l.dates[best]) {
			best = i
		}
	}
	if best < 0 {
		return false
	}
	d := &l.dates[best]
	f.due, f.dueAt = d.due(k.text(l, d.from, d.to)), d.role
	return true
}

func dateRank(d *when) int {
	rank := 0
	if d.dated {
		rank += 2
	}
	if d.role == roleBy || d.role == roleBefore {
		rank++
	}
	return rank
}

// sharedDate finds a date at the end of a line that holds for all its items: "both by Wednesday", or in
// Chinese one that stands in front of a last clause of its own: 阿欣貼通告，Peter約清潔，星期五之前搞掂.
func (k *talk) sharedDate(l *line, f *found) bool {
	for i := range l.dates {
		d := &l.dates[i]
		inside := d.from < f.claim.to && (!l.han || d.from <= f.claim.trigger.to)
		if d.from == 0 || !d.dated || d.role >= roleNot || inside {
			continue
		}
		if k.forAll(l, d) {
			f.due, f.dueAt = d.due(k.text(l, d.from, d.to)), d.role
			return true
		}
	}
	return false
}

// forAll reports whether a date says that it holds for all that stands before it.
func (k *talk) forAll(l *line, d *when) bool {
	for j := d.from - 1; j >= 0 && j >= d.from-4; j-- {
		switch l.tokens[j].word {
		case "both", "all", "都", "样", "个":
			return true
		}
	}
	if !l.han || !l.tokens[d.from-1].has(tagComma) || len(l.tokens)-d.to > 8 {
		return false
	}
	for _, m := range l.mentions {
		if m.from > d.from {
			return false
		}
	}
	return d.to < len(l.tokens) && len(l.mentions) > 1
}

// isDateLine reports whether a line is little more than a date: "Like by Monday?".
func (k *talk) isDateLine(index int) bool {
	l := &k.lines[index]
	covered := 0
	for _, d := range l.dates {
		covered += d.to - d.from
	}
	return covered > 0 && len(l.tokens) <= covered+3
}

// dueWords are the tokens of the claim's line that its due date came from.
func (f *found) dueWords(k *talk) (from, to int) {
	if f.due == nil {
		return 0, 0
	}
	l := &k.lines[f.claim.line]
	for _, d := range l.dates {
		if k.text(l, d.from, d.to) == f.due.Text {
			return d.from, d.to
		}
	}
	return 0, 0
}

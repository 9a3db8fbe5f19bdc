package minutes

// How an answer to a request reads.
type answer uint8

const (
	silence answer = iota
	accepts
	refuses
	handsOn // "can Xin take it?"
)

// answersWithin is how many lines of other speakers may answer.
const answersWithin = 2

// reply is the answer to what line index says, and the line that gives it.
func (k *talk) reply(index int) (answer, int) {
	asker := k.lines[index].speaker
	heard := 0
	for i := index + 1; i < len(k.lines) && i <= index+4 && heard < answersWithin; i++ {
		if k.lines[i].speaker == asker {
			if k.withdraws(i) {
				return refuses, i
			}
			if heard > 0 {
				break
			}
			continue
		}
		heard++
		switch a := k.answer(i); a {
		case refuses:
			if j := i + 1; j < len(k.lines) && k.lines[j].speaker == asker && k.insists(j) {
				return accepts, i
			}
			return a, i
		case accepts, handsOn:
			if j := i + 1; a == accepts && j < len(k.lines) && k.lines[j].speaker == asker && k.withdraws(j) {
				return refuses, j
			}
			return a, i
		default:
		}
	}
	return silence, -1
}

// volunteerFor is the first line of another speaker that takes on open work, past those who decline;
// -1 where nobody does.
func (k *talk) volunteerFor(index int) int {
	for i := index + 1; i < len(k.lines) && i <= index+4; i++ {
		if k.lines[i].speaker == k.lines[index].speaker {
			if k.withdraws(i) {
				return -1
			}
			continue
		}
		if k.answer(i) == accepts {
			return i
		}
	}
	return -1
}

// answer reads one line as an answer.
func (k *talk) answer(index int) answer {
	l := &k.lines[index]
	accept, refuse, hand := 0.0, 0.0, false
	for _, h := range l.hits {
		c := &k.lexicon.cues.cues[h.cue]
		switch {
		case c.kind == cueAccept && h.from < 6:
			accept = max(accept, c.weight)
		case c.kind == cueCommit && c.weight >= 2.5 && h.from < 6: // "put me down"
			accept = max(accept, 1)
		case c.kind == cueRefuse && (c.name == "hand-on" || c.name == "换人" || c.name == "換人"):
			hand = true
		case c.kind == cueRefuse && h.from < 8 && !k.inAccept(l, h) && !k.covered(l, h):
			refuse = max(refuse, c.weight)
		}
	}
	switch {
	case hand && !l.startsWithYes():
		return handsOn
	case refuse > accept && !(l.startsWithYes() && refuse <= 2 && accept > 0):
		return refuses
	case accept > 0:
		return accepts
	}
	return silence
}

// startsWithYes keeps "Sure, ask Dev to help" from handing on.
func (l *line) startsWithYes() bool {
	switch l.tokens[0].word {
	case "yes", "yeah", "yep", "sure", "okay", "fine", "好", "得", "行":
		return true
	}
	return false
}

// inAccept reports whether a refusal stands inside an acceptance: "no problem", 冇問題.
func (k *talk) inAccept(l *line, h hit) bool {
	for _, a := range l.hits {
		if k.lexicon.cues.cues[a.cue].kind == cueAccept && a.from <= h.from && a.to > h.from {
			return true
		}
	}
	return false
}

// withdraws reports whether the asker takes a request back.
func (k *talk) withdraws(index int) bool {
	l := &k.lines[index]
	for _, h := range l.hits {
		c := &k.lexicon.cues.cues[h.cue]
		if c.kind == cueRefuse && (c.name == "never-mind" || c.name == "算了") && len(l.tokens) < 16 {
			return true
		}
	}
	return false
}

// insists reports whether the asker answers a "no" with a new arrangement rather than giving in.
func (k *talk) insists(index int) bool {
	for _, c := range k.claims(index) {
		if c.score >= scoreProposed {
			return true
		}
	}
	return false
}

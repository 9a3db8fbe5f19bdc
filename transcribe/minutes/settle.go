package minutes

import "github.com/parley/parley"

// Thresholds of decisions and questions, set by hand with the cue tables.
const (
	scoreDecision = 2.0
	scoreQuestion = 1.3
	scoreOpen     = 1.8
)

// decisions lists the lines that settle something.
func (k *talk) decisions(taken map[int]bool) []parley.Decision {
	var all []parley.Decision
	ordinals := map[int]int{}
	for i := range k.lines {
		l := &k.lines[i]
		if l.asks || taken[i] {
			continue
		}
		score, why := k.sum(l, cueDecide)
		if score < scoreDecision || k.speaksAgainst(l) {
			continue
		}
		all = append(all, parley.Decision{
			ID:   k.entryID("decision", l, ordinals),
			Text: k.text(l, 0, len(l.tokens)), Evidence: k.evidence(l, nil, score, why),
		})
	}
	return all
}

// speaksAgainst reports a line that is no statement of now: hypothetical, reported, a habit.
func (k *talk) speaksAgainst(l *line) bool {
	for _, h := range l.hits {
		c := &k.lexicon.cues.cues[h.cue]
		if c.kind != cueAgainst {
			continue
		}
		switch c.name {
		case "hypothetical", "habit", "假設", "習慣", "reported", "meta", "場務", "轉述":
			return true
		}
	}
	return false
}

// questions lists questions that the answer leaves open.
func (k *talk) questions() []parley.Question {
	var all []parley.Question
	ordinals := map[int]int{}
	for i := range k.lines {
		l := &k.lines[i]
		asked, why := k.sum(l, cueAsk)
		if l.asks {
			asked += 0.7
		}
		if asked < scoreQuestion {
			continue
		}
		at := k.leftOpen(i)
		if at < 0 {
			continue
		}
		answer := &k.lines[at]
		_, unsure := k.sum(answer, cueUnsure)
		all = append(all, parley.Question{
			ID:   k.entryID("question", l, ordinals),
			Text: k.text(l, 0, len(l.tokens)), Evidence: k.evidence(l, answer, asked, append(why, unsure...)),
		})
	}
	return all
}

// leftOpen is the line of another speaker that says a question cannot be answered yet, or -1.
func (k *talk) leftOpen(index int) int {
	for i := index + 1; i < len(k.lines) && i <= index+2; i++ {
		l := &k.lines[i]
		if l.speaker == k.lines[index].speaker {
			continue
		}
		if score, _ := k.sum(l, cueUnsure); score >= scoreOpen && len(l.tokens) < 25 {
			return i
		}
		return -1
	}
	return -1
}

// sum adds the cues of one kind, each once.
func (k *talk) sum(l *line, kind cueKind) (score float64, why []string) {
	seen := map[int]bool{}
	for _, h := range l.hits {
		c := &k.lexicon.cues.cues[h.cue]
		if c.kind == kind && !seen[h.cue] {
			seen[h.cue] = true
			score += c.weight
			why = append(why, cueKindNames()[kind]+" "+c.name)
		}
	}
	return score, why
}

// evidence cites a line, and the line that answers it or nil.
func (k *talk) evidence(l, answer *line, score float64, why []string) parley.Evidence {
	e := parley.Evidence{Confidence: parley.Unsure, Why: why}
	if score >= scoreClear {
		e.Confidence = parley.Clear
	}
	f := found{}
	for _, t := range l.tokens {
		f.add(t.utt)
	}
	if answer != nil {
		f.add(answer.tokens[0].utt)
	}
	e.Quote = k.quote(l, &f)
	for i, u := range f.utts {
		utterance := &k.transcript.Utterances[u]
		e.Utterances = append(e.Utterances, utterance.ID)
		if i == 0 {
			e.Start = utterance.Start
		}
		e.End = max(e.End, utterance.End)
	}
	return e
}

// entryID numbers the entries of one utterance.
func (k *talk) entryID(kind string, l *line, ordinals map[int]int) parley.ItemID {
	first := l.tokens[0].utt
	ordinals[first]++
	return makeID(kind, k.transcript.Meeting.ID, k.transcript.Utterances[first].ID, ordinals[first]-1)
}

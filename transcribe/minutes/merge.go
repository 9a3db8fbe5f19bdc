package minutes

// mergeWithin is how many lines apart a request and its recap may stand and still be one item.
const mergeWithin = 400

// merge joins items that say the same work again: same owners and most of the words. The first keeps
// its place and quote; a later date replaces an earlier one; all evidence stays.
func (k *talk) merge(all []found) []found {
	var kept []found
	for _, f := range all {
		joined := false
		for i := range kept {
			if k.sameWork(&kept[i], &f) {
				absorbItem(&kept[i], &f)
				joined = true
				break
			}
		}
		if !joined {
			kept = append(kept, f)
		}
	}
	return kept
}

// sameWork compares owners and the words of the tasks.
func (k *talk) sameWork(a, b *found) bool {
	if b.claim.line-a.claim.line > mergeWithin || a.claim.line == b.claim.line {
		return false
	}
	if len(a.owners) > 0 && len(b.owners) > 0 {
		if len(a.owners) != len(b.owners) {
			return false
		}
		for i := range a.owners {
			if a.owners[i] != b.owners[i] {
				return false
			}
		}
	}
	words, others := k.content(a), k.content(b)
	share := overlap(words, others)
	if min(len(words), len(others)) < 2 && b.claim.line-a.claim.line > 4 {
		return false // too little to tell, unless it is said at once
	}
	if share > 0.5 {
		return true
	}
	near := b.claim.line-a.claim.line <= 4
	return near && len(a.owners) > 0 && len(b.owners) > 0 && share > 0.34
}

// content are the words of a task that carry meaning, in order, each once.
func (k *talk) content(f *found) []string {
	s := scanner{fold: k.lexicon.fold, text: f.task}
	s.scan()
	var words []string
	for i := range s.tokens {
		t := &s.tokens[i]
		if t.has(tagComma) || len(t.word) < 3 || isGrammar(t.word) || isParticle(t.word) || isChineseGrammar(t.word) {
			continue
		}
		if !containsText(words, t.word) {
			words = append(words, t.word)
		}
	}
	return words
}

// overlap is the share of the shorter list that stands in the longer one; 0 where one is empty.
func overlap(a, b []string) float64 {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(a) == 0 {
		return 0
	}
	shared := 0
	for _, word := range a {
		if containsText(b, word) {
			shared++
		}
	}
	return float64(shared) / float64(len(a))
}

// absorbItem adds what a later mention says. One that a cue explains stands for one that only the
// model speaks for.
func absorbItem(a, b *found) {
	if a.claim.plain && !b.claim.plain {
		first := *a
		*a, b = *b, &first
	}
	for _, u := range b.utts {
		a.add(u)
	}
	a.answers = append(a.answers, b.answers...)
	if b.due != nil && (a.due == nil || b.due.Date != "") {
		a.due = b.due
	}
	if len(a.owners) == 0 {
		a.owners = b.owners
	}
	a.claim.score = max(a.claim.score, b.claim.score) + weightRepeat
	a.claim.sum = max(a.claim.sum, b.claim.sum)
	if !containsText(a.claim.why, "said again") {
		a.claim.why = append(a.claim.why, "said again")
	}
}

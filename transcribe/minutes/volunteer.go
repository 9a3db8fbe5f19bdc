package minutes

// volunteer makes the line that takes on open work the one an item stands on; its words are the task
// when they say more than "I can do that".
func (k *talk) volunteer(f *found, at int) {
	l := &k.lines[at]
	asked := f.utts
	f.utts = nil
	f.add(l.tokens[0].utt)
	for _, u := range asked {
		f.add(u)
	}
	for _, c := range k.claims(at) {
		if c.kind != ownerSpeaker || c.score < scoreProposed {
			continue
		}
		if task := k.task(l, &c, 0, 0); k.says(task) > 1 && !c.points(k) && !k.pointsBack(task) {
			answer := found{claim: c}
			answer.findDue(k, at, silence)
			from, to := answer.dueWords(k)
			f.task = k.task(l, &c, from, to)
		}
		f.claim.score = max(f.claim.score, c.score)
		f.claim.why = append(f.claim.why, c.why...)
	}
	if k.model != nil {
		set := k.scratch()
		k.features(at, set, true)
		f.claim.sum = max(f.claim.sum, k.model.sum(set.list))
	}
	if f.due == nil {
		f.bestDate(k, at, 0, len(l.tokens))
	}
	if next := at + 1; f.due == nil && next < len(k.lines) && k.lines[next].speaker == l.speaker {
		f.bestDate(k, next, 0, len(k.lines[next].tokens))
	}
	f.claim.line, f.claim.from, f.claim.to = at, 0, len(l.tokens)
}

// takeOver gives "yes, I will do that" the work of the line before, by somebody else: a request whose
// name was heard wrong. False where that line asks for nothing.
func (k *talk) takeOver(f *found) bool {
	before := f.claim.line - 1
	if before < 0 || k.lines[before].speaker == k.lines[f.claim.line].speaker {
		return false
	}
	asked := k.claims(before)
	if len(asked) == 0 || asked[0].kind == ownerSpeaker {
		return false
	}
	request := found{claim: asked[0]}
	request.findDue(k, f.claim.line, accepts)
	from, to := request.dueWords(k)
	f.task = k.task(&k.lines[before], &asked[0], from, to)
	if f.due == nil {
		f.due, f.dueAt = request.due, request.dueAt
	}
	f.answers = append(f.answers, f.utts...)
	f.utts = nil
	f.add(k.lines[before].tokens[0].utt)
	f.claim.line, f.claim.from, f.claim.to, f.claim.trigger = before, asked[0].from, asked[0].to, asked[0].trigger
	return k.says(f.task) > 0
}

// pointsBack reports a task that needs the words before it to be understood: "ring them".
func (k *talk) pointsBack(task string) bool {
	s := scanner{fold: k.lexicon.fold, text: task}
	s.scan()
	for i := range s.tokens {
		switch s.tokens[i].word {
		case "it", "that", "them", "him", "her", "those", "one", "佢":
			return len(s.tokens) < 6
		}
	}
	return false
}

// points reports a claim that only points at work: "leave that with me".
func (c *claim) points(k *talk) bool {
	switch k.lexicon.cues.cues[c.trigger.cue].name {
	case "mine", "my-action", "我來":
		return true
	}
	return false
}

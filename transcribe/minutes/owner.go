package minutes

import "github.com/parley/parley"

// addressee is the participant that "you" in a line means: somebody named in it, or who accepts. It
// returns -1 where that is not clear.
func (k *talk) addressee(c *claim, answered answer, answerer int) int {
	l := &k.lines[c.line]
	named := -1
	for _, m := range l.mentions {
		if len(m.who) != 1 || m.ambiguous || m.who[0] == l.speaker {
			continue
		}
		if m.from <= c.trigger.from && m.to >= c.from || l.lastWord(m.to) {
			named = m.who[0]
		}
	}
	if named >= 0 {
		return named
	}
	if answered == accepts && answerer >= 0 && !k.namedElsewhere(c, k.lines[answerer].speaker) {
		return k.lines[answerer].speaker
	}
	if who := k.bySound(l, c); who >= 0 {
		return who
	}
	return k.nameNearby(c.line)
}

// namedElsewhere reports whether another part of the line already gives work to a participant: then
// their answer is about that part.
func (k *talk) namedElsewhere(c *claim, who int) bool {
	l := &k.lines[c.line]
	for _, m := range l.mentions {
		if contains(m.who, who) && m.from >= c.to {
			return true
		}
	}
	return false
}

// lastWord reports whether only particles follow token i.
func (l *line) lastWord(i int) bool {
	return i >= len(l.tokens) || l.tokens[i].has(tagShut)
}

// nameNearby is somebody called in a short line of the same speaker just before or after: "Chloe?".
func (k *talk) nameNearby(index int) int {
	for _, i := range [...]int{index + 1, index - 1} {
		if i < 0 || i >= len(k.lines) || k.lines[i].speaker != k.lines[index].speaker || len(k.lines[i].tokens) > 3 {
			continue
		}
		for _, m := range k.lines[i].mentions {
			if len(m.who) == 1 {
				return m.who[0]
			}
		}
	}
	return -1
}

// bySound looks for a name heard wrong where one is likely: right before the request.
func (k *talk) bySound(l *line, c *claim) int {
	i := c.trigger.from - 1
	for i >= 0 && l.tokens[i].has(tagComma) {
		i--
	}
	if i < 0 || c.kind != ownerYou {
		return -1
	}
	one := l.tokens[i].word
	if who := k.heard(one, l.speaker); who >= 0 {
		return who
	}
	if i > 0 && !l.tokens[i-1].has(tagComma) {
		return k.heard(l.tokens[i-1].word+one, l.speaker)
	}
	return -1
}

// heard is the participant other than the speaker whose name sounds like word, or -1.
func (k *talk) heard(word string, speaker int) int {
	if len(word) < 3 || k.lexicon.verbs[word] != 0 || isPlainWord(word) {
		return -1
	}
	who := k.roster.heard(word)
	if who == speaker {
		return -1
	}
	return who
}

// isPlainWord are words too common before a request to be a name heard wrong.
func isPlainWord(word string) bool {
	switch word {
	case "and", "but", "the", "then", "okay", "yeah", "now", "also", "maybe", "just", "here", "there", "that", "this",
		"what", "when", "will", "can", "could", "would", "should", "please", "again", "one", "two", "more", "some", "them",
		"her", "him", "his", "our", "your", "you", "sure", "right", "next", "last", "not", "for", "from", "with", "all", "so":
		return true
	}
	return false
}

// owners names who an item falls to; empty when nobody was said. More than one is a list of owners,
// as participants or departments are named.
func (k *talk) owners(c *claim, answered answer, answerer int) []parley.Owner {
	l := &k.lines[c.line]
	switch c.kind {
	case ownerSpeaker:
		return k.people(l.speaker)
	case ownerNamed:
		return k.people(c.who...)
	case ownerDept:
		return []parley.Owner{{Name: k.deptName(l, c.dept)}}
	case ownerTeam:
		return []parley.Owner{{Name: "team"}}
	case ownerYou, ownerNobody:
		if who := k.addressee(c, answered, answerer); who >= 0 {
			return k.people(who)
		}
	case ownerOpen:
		if answered == accepts && answerer >= 0 {
			return k.people(k.lines[answerer].speaker)
		}
	}
	return nil
}

func (k *talk) people(who ...int) []parley.Owner {
	var all []parley.Owner
	for _, i := range who {
		if i >= 0 {
			p := &k.transcript.Participants[i]
			all = append(all, parley.Owner{Participant: p.ID, Name: p.Name})
		}
	}
	return all
}

// deptName is a department as said, without what only points at it ("team", 那邊).
func (k *talk) deptName(l *line, ref int) string {
	m := l.mentions[ref]
	to := m.to
	switch last := l.tokens[to-1].word; {
	case to-m.from > 1 && k.lexicon.depts.teams[last]:
		to--
	case to-m.from > 2 && last == "边", to-m.from > 2 && last == "事":
		to -= 2
	}
	return k.text(l, m.from, to)
}

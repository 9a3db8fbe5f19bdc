package minutes

import "slices"

// ownerKind says how an item's owner is told.
type ownerKind uint8

const (
	ownerNobody  ownerKind = iota // not said
	ownerSpeaker                  // "I"
	ownerNamed                    // by name or title
	ownerDept                     // a department
	ownerYou                      // "you": the one addressed, or who accepts
	ownerOpen                     // "somebody": who accepts, or no item at all
	ownerTeam                     // everybody
)

// asked reports a claim on somebody who may say no.
func (o ownerKind) asked() bool {
	return o == ownerYou || o == ownerOpen || o == ownerNamed || o == ownerNobody
}

// claim is one stretch of a line that says somebody is to do something.
type claim struct {
	line     int
	from, to int // tokens of the line that belong to it
	trigger  hit // the strongest cue
	kind     ownerKind
	who      []int   // ownerNamed: participants
	dept     int     // ownerDept: index of the mention
	score    float64 // of the rules
	sum      int32   // of the model
	plain    bool    // no cue: only the model speaks for it
	doubted  bool    // something speaks against it, and not only against its neighbours
	mark     *mark   // somebody asked to note it; or nil
	why      []string
}

// The weights of what is not in a cue table. They were set by hand with the tables.
const (
	weightDate      = 0.9 // a day to be done by
	weightOnDate    = 0.6 // a day
	weightAgree     = 1.0 // somebody else says yes
	weightRepeat    = 0.4 // a second cue of another kind
	weightOpener    = 0.3
	weightElsewhere = 0.3  // share of an against-cue in another clause
	leastDoubt      = -1.0 // an against-cue that counts as a doubt
	leastClaim      = 1.1  // a weaker cue opens no item of its own beside a stronger one
	scoreProposed   = 2.0
	scoreClear      = 3.2
)

// claims finds who is said to do what in a line. Against-cues lower those they speak about.
func (k *talk) claims(index int) []claim {
	if k.cached == nil {
		k.cached = make([][]claim, len(k.lines))
	}
	if k.cached[index] == nil {
		k.cached[index] = k.findClaims(index)
	}
	return k.cached[index]
}

// findClaims makes them; never nil.
func (k *talk) findClaims(index int) []claim {
	l := &k.lines[index]
	var all []claim
	for _, h := range l.hits {
		c := &k.lexicon.cues.cues[h.cue]
		if !c.kind.work() || k.toRecipient(l, h) {
			continue
		}
		made := k.claim(index, h, c)
		if k.goesOn(l, all, &made) {
			made.kind = ownerSpeaker
		}
		if n := len(all); n > 0 && pointsAt(l, &all[n-1], &made) {
			absorb(&all[n-1], &made)
			continue
		}
		all = join(all, made)
	}
	if all = k.separate(l, all); all == nil {
		return []claim{}
	}
	for i := range all {
		k.against(l, &all[i])
		all[i].score += k.dateWeight(l, &all[i])
	}
	return all
}

// pointsAt reports a claim that only says whose the work of the one before is: "the handbook has to be
// translated by January, that's on HR".
func pointsAt(l *line, before, c *claim) bool {
	if c.from < before.to || c.kind != ownerNamed && c.kind != ownerDept && c.kind != ownerSpeaker && c.kind != ownerYou ||
		before.kind != ownerOpen && before.kind != ownerNobody {
		return false
	}
	switch l.tokens[c.from].word {
	case "that", "this", "it", "which", "这", "呢", "嗰", "那":
		return true
	}
	return false
}

// toRecipient reports a name that only receives what somebody else is to hand in: 把表交給美玲.
func (k *talk) toRecipient(l *line, h hit) bool {
	if l.tokens[h.from].word != "交" || !l.tokens[h.to-1].has(tagName) && l.tokens[h.from].has(tagOpen) {
		return false
	}
	for i := h.from - 1; i >= 0 && l.tokens[i].clause == l.tokens[h.from].clause; i-- {
		if word := l.tokens[i].word; word == "把" || word == "将" {
			return true
		}
	}
	return false
}

// goesOn reports whether a claim that names nobody has its subject before an "and": "I will write it
// and send it to everybody by Monday" is one piece of work, of one person.
func (k *talk) goesOn(l *line, before []claim, c *claim) bool {
	if c.kind != ownerYou && c.kind != ownerNobody || c.from == 0 || len(before) == 0 {
		return false
	}
	last := &before[len(before)-1]
	return last.kind == ownerSpeaker && last.to <= c.from && l.tokens[c.from-1].word == "and" &&
		l.tokens[c.from].clause-l.tokens[last.from].clause <= 1
}

// against lowers a claim by each cue that speaks against it, once: fully where the cue stands in the
// same clause or colours the whole sentence, little elsewhere.
func (k *talk) against(l *line, made *claim) {
	least := map[int]float64{}
	for _, h := range l.hits {
		c := &k.lexicon.cues.cues[h.cue]
		weight := c.weight
		switch {
		case c.kind == cueRefuse && made.kind == ownerSpeaker && c.weight >= 2 && !k.inAccept(l, h):
			weight = -c.weight
		case c.kind != cueAgainst || k.covered(l, h):
			continue
		}
		if k.reaches(l, h, c, made) {
			made.doubted = made.doubted || weight <= leastDoubt
		} else {
			weight *= weightElsewhere
		}
		if old, seen := least[h.cue]; !seen && weight < 0 {
			made.why = append(made.why, "against "+c.name)
			made.score += weight
			least[h.cue] = weight
		} else if weight < old {
			made.score += weight - old
			least[h.cue] = weight
		}
	}
	for _, d := range l.dates {
		same := l.tokens[d.from].clause == l.tokens[made.trigger.from].clause
		switch {
		case d.role == rolePast && same:
			made.score -= 1
			made.doubted = true
			made.why = append(made.why, "against past date")
		case d.role == roleOften:
			made.score -= 1.5
			made.doubted = true
			made.why = append(made.why, "against habit")
		}
	}
}

// reaches reports whether an against-cue speaks about a claim.
func (k *talk) reaches(l *line, h hit, c *cue, made *claim) bool {
	first, last := l.tokens[made.trigger.from].clause, l.tokens[made.trigger.to-1].clause
	if l.tokens[h.to-1].clause >= first && l.tokens[h.from].clause <= last {
		return true
	}
	switch c.name {
	case "hypothetical", "reported", "假設", "轉述":
		return h.from < made.trigger.from
	case "joke", "玩笑", "habit", "習慣", "errand", "私事":
		return true
	}
	return false
}

// covered reports whether a longer cue for work, or a question, holds all of h: "don't forget to" is
// no refusal, and 可唔可以 no negation.
func (k *talk) covered(l *line, h hit) bool {
	for _, w := range l.hits {
		kind := k.lexicon.cues.cues[w.cue].kind
		if !w.loose && (kind.work() || kind == cueAsk) && w.from <= h.from && w.to >= h.to && w.to-w.from > h.to-h.from {
			return true
		}
	}
	return false
}

// claim makes a claim of one cue: its owner is what the matched words name.
func (k *talk) claim(index int, h hit, c *cue) claim {
	l := &k.lines[index]
	made := claim{line: index, from: h.from, to: h.to, trigger: h, score: c.weight, dept: -1}
	kinds := cueKindNames()
	made.why = []string{kinds[c.kind] + " " + c.name}
	switch c.kind {
	case cueCommit:
		made.kind = ownerSpeaker
	case cueAll:
		made.kind = ownerTeam
	case cueOpen:
		made.kind = ownerOpen
	case cueRequest:
		made.kind = ownerYou
	case cueList:
		made.kind = ownerNobody
	default:
	}
	for _, t := range l.tokens[h.from:h.to] {
		if t.jump == 0 || t.ref < 0 {
			continue
		}
		switch {
		case t.has(tagName) && c.kind != cueCommit && c.kind != cueOpen && c.kind != cueAll:
			made.kind = ownerNamed
			for _, who := range l.mentions[t.ref].who {
				if !contains(made.who, who) {
					made.who = append(made.who, who)
				}
			}
			if l.mentions[t.ref].ambiguous { // two people with one name: ask, never guess
				made.kind, made.who = ownerNobody, nil
				made.why = append(made.why, "ambiguous name")
				return made
			}
		case t.has(tagDept) && c.kind == cueOwe:
			made.kind, made.dept = ownerDept, t.ref
		}
	}
	return made
}

// join adds a claim to those of the line: to one with the same owner that it touches or follows, else
// as a new one.
func join(all []claim, c claim) []claim {
	for i := range all {
		a := &all[i]
		overlap := c.from < a.to && a.from < c.to
		if !overlap && !sameOwner(a, &c) {
			continue
		}
		absorb(a, &c)
		return all
	}
	return append(all, c)
}

// absorb merges c into a. The more telling owner wins; a second cue of another kind adds a little.
func absorb(a, c *claim) {
	if betterOwner(c, a) {
		a.kind, a.who, a.dept = c.kind, c.who, c.dept
	} else if a.kind == ownerNamed && c.kind == ownerNamed {
		for _, who := range c.who {
			if !contains(a.who, who) {
				a.who = append(a.who, who)
			}
		}
	}
	stronger, weaker := a.score, c.score
	if c.score > a.score {
		stronger, weaker = c.score, a.score
		a.trigger = c.trigger
	}
	if a.why[0] != c.why[0] && weaker >= weightOpener {
		stronger += weightRepeat
	}
	a.score = stronger
	a.from, a.to = min(a.from, c.from), max(a.to, c.to)
	for _, why := range c.why {
		if !containsText(a.why, why) {
			a.why = append(a.why, why)
		}
	}
}

// betterOwner: a name tells more than a department, that more than "I", "you", all, nobody.
func betterOwner(c, a *claim) bool {
	rank, old := ownerRank(c.kind), ownerRank(a.kind)
	if old > 0 && rank > 0 && rank < 4 && old < 4 {
		return c.score > a.score
	}
	return rank > old
}

func ownerRank(k ownerKind) int {
	switch k {
	case ownerNamed:
		return 6
	case ownerDept:
		return 5
	case ownerSpeaker:
		return 4
	case ownerYou:
		return 3
	case ownerTeam:
		return 2
	case ownerOpen:
		return 1
	default:
	}
	return 0
}

func sameOwner(a, b *claim) bool {
	if a.kind != b.kind {
		return a.kind == ownerNobody || b.kind == ownerNobody || // "action item: you …"
			a.kind == ownerNamed && b.kind == ownerYou && a.from < b.from || // "Dev, … you're writing"
			a.kind == ownerYou && b.kind == ownerNamed && b.from-a.to <= 3 && b.from >= a.to // 記得啊，小張…
	}
	switch a.kind {
	case ownerNamed:
		if len(a.who) != len(b.who) {
			return false
		}
		for i := range a.who {
			if a.who[i] != b.who[i] {
				return false
			}
		}
	case ownerDept:
		return a.dept == b.dept
	default:
	}
	return true
}

// separate drops weak claims beside strong ones and gives each claim its stretch of the line: up to
// the next one.
func (k *talk) separate(l *line, all []claim) []claim {
	if len(all) == 0 {
		return nil
	}
	strongest := 0.0
	for i := range all {
		strongest = max(strongest, all[i].score)
	}
	kept := all[:0]
	for _, c := range all {
		if c.score >= leastClaim && (c.score >= strongest-1.2 || c.kind == ownerNamed || c.kind == ownerDept) || c.score == strongest {
			kept = append(kept, c)
		}
	}
	slices.SortStableFunc(kept, func(a, b claim) int { return a.trigger.from - b.trigger.from })
	for i := range kept {
		c := &kept[i]
		if c.to = len(l.tokens); i+1 < len(kept) {
			c.to = max(min(kept[i+1].from, kept[i+1].trigger.from), c.trigger.from+1)
		}
		if c.from = 0; i > 0 {
			c.from = min(kept[i-1].to, c.trigger.from)
		}
		c.trigger.to = min(c.trigger.to, c.to)
	}
	return kept
}

// dateWeight is what a date in the claim's stretch adds.
func (k *talk) dateWeight(l *line, c *claim) float64 {
	best := 0.0
	for _, d := range l.dates {
		if !d.dated || d.from < c.from || d.from >= c.to {
			continue
		}
		switch d.role {
		case roleBy, roleBefore:
			best = max(best, weightDate)
		case roleOn:
			best = max(best, weightOnDate)
		default:
		}
	}
	return best
}

func containsText(all []string, one string) bool {
	for _, x := range all {
		if x == one {
			return true
		}
	}
	return false
}

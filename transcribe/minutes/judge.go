package minutes

import (
	"slices"
)

// leastBeside is the score of a claim that stands beside a stronger one of the same line.
const leastBeside = 1.5

// judge gives the model's sum for a line, and the claims it may make items of.
func (k *talk) judge(index int) (int32, []claim) {
	claims := k.claims(index)
	if k.model == nil {
		return 0, claims
	}
	f := k.scratch()
	k.features(index, f, true)
	sum := k.model.sum(f.list) + k.cueBonus(index, claims)
	if m, marked := k.marks[index]; marked {
		return max(sum, k.tiers().proposed+k.model.scale), k.markedClaims(index, claims, m)
	}
	if open := k.openClaim(claims); sum < k.tiers().suggested && !open {
		return sum, nil
	}
	if len(claims) == 0 {
		return sum, k.plainClaim(index)
	}
	best := claims[0].score
	for i := range claims {
		best = max(best, claims[i].score)
	}
	kept := make([]claim, 0, len(claims))
	for _, c := range claims {
		if c.score == best || c.score >= leastBeside {
			kept = append(kept, c)
		}
	}
	return sum, kept
}

// markedClaims are the claims of a line that somebody asked to note: one at least.
func (k *talk) markedClaims(index int, claims []claim, m mark) []claim {
	marked := slices.Clone(claims)
	if len(marked) == 0 {
		marked = k.plainClaim(index)
		marked[0].trigger = hit{} // no word of it only hands it over
	}
	for i := range marked {
		c := &marked[i]
		c.mark, c.why = &m, append([]string{"marker " + m.cue}, c.why...)
		if c.kind == ownerOpen {
			c.kind = ownerNobody
		}
	}
	return marked
}

// cueBonus is what the rules add to the model's sum for a claim that nothing speaks against. What the
// model learnt from is either excerpts so short that it takes company for a sign of idle talk, or long
// meetings whose only work is what a chair gives out; a cue that a person would see holds against both.
func (k *talk) cueBonus(index int, claims []claim) int32 {
	// Log-odds per point of the rules, and where they begin: the least that finds plain commitments in
	// excerpts, and in excerpts put into long meetings, without waking the false alarms of everyday talk.
	const mostPoints = 2.0
	perPoint, begin := 2.0, scoreProposed
	if k.length() >= longMeeting {
		perPoint, begin = 1.0, 2.5
	}
	reply, _ := k.reply(index)
	if k.length() >= longMeeting {
		reply = silence // in hours of talk a "yeah" after a question says little
	}
	best := 0.0
	for i := range claims {
		if claims[i].doubted {
			continue
		}
		score := claims[i].score
		if reply == accepts && claims[i].kind.asked() && claims[i].kind != ownerOpen {
			score += weightAgree
		}
		best = max(best, score)
	}
	if best < begin {
		return 0
	}
	return int32(perPoint * min(best-begin+1, mostPoints) * float64(k.model.scale))
}

// openClaim reports open work, which the line that takes it on decides about.
func (k *talk) openClaim(claims []claim) bool {
	for i := range claims {
		if claims[i].kind == ownerOpen {
			return true
		}
	}
	return false
}

// plainClaim is the claim of a line that no cue explains: its owner is as far as a pronoun tells.
func (k *talk) plainClaim(index int) []claim {
	l := &k.lines[index]
	c := claim{line: index, to: len(l.tokens), trigger: hit{to: 1}, dept: -1, plain: true}
	for i := range l.tokens {
		kind := ownerNobody
		switch l.tokens[i].word {
		case "i", "我":
			kind = ownerSpeaker
		case "you", "你":
			kind = ownerYou
		case "everyone", "everybody", "大":
			kind = ownerTeam
		}
		if kind != ownerNobody {
			c.kind = kind
			break
		}
	}
	return []claim{c}
}

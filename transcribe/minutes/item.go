package minutes

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/parley/parley"
)

// Tier is how sure the extractor is of an item. Either way a person confirms it.
type Tier string

// The tiers.
const (
	Proposed  Tier = "proposed"  // few are wrong
	Suggested Tier = "suggested" // few are missed
)

// Item is an action item with what the extractor knows beyond its record.
type Item struct {
	parley.ActionItem
	Owners []parley.Owner       // all owners; ActionItem.Owner is the one, or all their names joined
	Agreed []parley.UtteranceID // the last utterances of the evidence, which only say yes
	Tier   Tier
	Score  float64
}

// found is an item before it has its final form.
type found struct {
	claim    claim
	utts     []int // utterances that establish it, the first one first
	answers  []int // utterances that only agree to it
	owners   []parley.Owner
	due      *parley.Due
	dueAt    role
	task     string
	from, to int // tokens of the quote
}

// items goes through the talk and makes an item of each claim that holds.
func (k *talk) items() []found {
	var all []found
	answered := map[int]bool{} // lines that only accept an earlier request
	for i := range k.lines {
		if answered[i] {
			continue
		}
		sum, claims := k.judge(i)
		if len(claims) == 0 {
			continue
		}
		reply, at := k.reply(i)
		for _, c := range claims {
			c.why = slices.Clone(c.why)
			c.sum = sum
			reply, at := reply, at
			if c.kind == ownerOpen {
				if at = k.volunteerFor(i); at >= 0 {
					reply = accepts
				}
			}
			f, ok := k.decide(c, reply, at)
			if !ok {
				continue
			}
			if reply == accepts && c.kind != ownerOpen && (c.kind == ownerYou || c.kind == ownerNamed || c.kind == ownerNobody) && k.onlyAccepts(at) {
				answered[at] = true
			}
			if f.claim.line != i {
				answered[f.claim.line] = true
				if next := f.claim.line + 1; next < len(k.lines) && k.lines[next].speaker == k.lines[f.claim.line].speaker {
					answered[next] = k.isDateLine(next) || len(k.lines[next].tokens) < 8
				}
			}
			all = append(all, f)
		}
	}
	return k.merge(all)
}

// judge gives the model's sum for a line, and the claims it may make items of.
func (k *talk) judge(index int) (int32, []claim) {
	claims := k.claims(index)
	if k.model == nil {
		return 0, claims
	}
	f := k.scratch()
	k.features(index, f)
	sum := k.model.sum(f.list) + k.cueBonus(claims)
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

// cueBonus is what the rules add to the model's sum, in a meeting that is not long. The excerpts it
// learnt from are so short that it takes company for a sign of idle talk; a cue that a person would
// see holds against that.
func (k *talk) cueBonus(claims []claim) int32 {
	const perPoint, mostPoints = 2.0, 2.0 // log-odds: the least that finds plain commitments
	if k.length() >= longMeeting {
		return 0
	}
	best := 0.0
	for i := range claims {
		doubted := slices.ContainsFunc(claims[i].why, func(why string) bool { return strings.HasPrefix(why, "against ") })
		if !doubted {
			best = max(best, claims[i].score)
		}
	}
	if best < scoreProposed {
		return 0
	}
	return int32(perPoint * min(best-scoreProposed+1, mostPoints) * float64(k.model.scale))
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

// leastBeside is the score of a claim that stands beside a stronger one of the same line.
const leastBeside = 1.5

// decide weighs a claim with its answer.
func (k *talk) decide(c claim, reply answer, at int) (found, bool) {
	asked := c.kind == ownerYou || c.kind == ownerOpen || c.kind == ownerNamed || c.kind == ownerNobody
	switch {
	case reply == refuses && asked, reply == handsOn && asked:
		return found{}, false
	case c.kind == ownerOpen && reply != accepts:
		return found{}, false
	case reply == accepts && asked:
		c.score += weightAgree
		c.why = append(c.why, "accepted")
	case reply == accepts:
		c.score += weightAgree / 2
		c.why = append(c.why, "answered")
	}
	if k.model == nil && c.score < scoreProposed {
		return found{}, false
	}
	f := k.build(c, reply, at)
	if c.kind == ownerOpen {
		k.volunteer(&f, at)
	}
	if c.kind == ownerSpeaker && k.says(f.task) == 0 && !k.takeOver(&f) {
		return found{}, false // "I will do that": what?
	}
	if k.model != nil {
		if f.claim.sum < k.tiers().suggested {
			return found{}, false
		}
		f.claim.why = append(f.claim.why, fmt.Sprintf("model %+.1f", k.logOdds(f.claim.sum)))
	}
	return f, f.task != ""
}

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
		if task := k.task(l, &c, 0, 0); k.says(task) > 1 && !c.points(k) {
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
		k.features(at, set)
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

// points reports a claim that only points at work: "leave that with me".
func (c *claim) points(k *talk) bool {
	switch k.lexicon.cues.cues[c.trigger.cue].name {
	case "mine", "my-action", "我來":
		return true
	}
	return false
}

// says counts the words of a task that carry meaning.
func (k *talk) says(task string) int { return len(k.content(&found{task: task})) }

// onlyAccepts reports whether an answering line adds no work of its own beyond saying yes.
func (k *talk) onlyAccepts(index int) bool {
	l := &k.lines[index]
	for _, c := range k.claims(index) {
		if c.kind == ownerSpeaker && c.score >= scoreProposed+1 && len(l.tokens) > 14 {
			return false
		}
	}
	return true
}

// build fills in the fields of an item.
func (k *talk) build(c claim, reply answer, at int) found {
	l := &k.lines[c.line]
	f := found{claim: c, from: c.from, to: c.to}
	f.owners = k.owners(&c, reply, at)
	f.add(l.tokens[c.trigger.from].utt)
	for _, t := range l.tokens[c.trigger.from:c.to] {
		f.add(t.utt)
	}
	if reply == accepts && at >= 0 && c.kind != ownerSpeaker {
		f.answers = append(f.answers, k.lines[at].tokens[0].utt)
	}
	f.findDue(k, at, reply)
	dueFrom, dueTo := f.dueWords(k)
	f.task = k.task(l, &c, dueFrom, dueTo)
	return f
}

// mostEvidence is how many utterances an item may cite.
const mostEvidence = 8

func (f *found) add(utt int) {
	if !contains(f.utts, utt) && len(f.utts) < mostEvidence {
		f.utts = append(f.utts, utt)
	}
}

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

// sharedDate finds a date at the end of a line that holds for all its items: "both by Wednesday".
func (k *talk) sharedDate(l *line, f *found) bool {
	for i := range l.dates {
		d := &l.dates[i]
		if d.from == 0 || !d.dated || d.role >= roleNot || d.from < f.claim.to {
			continue
		}
		for j := d.from - 1; j >= 0 && j >= d.from-4; j-- {
			switch l.tokens[j].word {
			case "both", "all", "都", "样", "个":
				f.due, f.dueAt = d.due(k.text(l, d.from, d.to)), d.role
				return true
			}
		}
	}
	return false
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

// finish gives an item its final form.
func (k *talk) finish(f *found, ordinal int) Item {
	l := &k.lines[f.claim.line]
	utterances := k.transcript.Utterances
	item := Item{Owners: f.owners}
	item.Task, item.Due = f.task, f.due
	for _, u := range f.utts {
		item.Utterances = append(item.Utterances, utterances[u].ID)
	}
	for _, u := range f.answers {
		if len(item.Utterances) < mostEvidence && !contains(f.utts, u) {
			item.Utterances = append(item.Utterances, utterances[u].ID)
			item.Agreed = append(item.Agreed, utterances[u].ID)
		}
	}
	first := &utterances[f.utts[0]]
	item.Quote = k.quote(l, f)
	item.Start, item.End = first.Start, first.End
	for _, u := range f.utts[1:] {
		item.End = max(item.End, utterances[u].End)
	}
	item.Tier, item.Score, item.Confidence = k.grade(f)
	item.Why = f.claim.why
	names := make([]string, 0, len(f.owners))
	for _, o := range f.owners {
		names = append(names, o.Name)
	}
	switch len(f.owners) {
	case 0:
	case 1:
		item.Owner = f.owners[0]
	default:
		item.Owner = parley.Owner{Name: strings.Join(names, ", ")}
	}
	item.ID = makeID("item", k.transcript.Meeting.ID, first.ID, ordinal)
	return item
}

// grade says how sure an item is.
func (k *talk) grade(f *found) (Tier, float64, parley.Confidence) {
	if k.model == nil {
		if f.claim.score >= scoreClear {
			return Proposed, f.claim.score, parley.Clear
		}
		return Proposed, f.claim.score, parley.Unsure
	}
	score := k.logOdds(f.claim.sum)
	switch {
	case f.claim.plain:
	case f.claim.sum >= k.tiers().proposed+k.model.scale:
		return Proposed, score, parley.Clear
	case f.claim.sum >= k.tiers().proposed:
		return Proposed, score, parley.Unsure
	}
	return Suggested, score, parley.Unsure
}

// tiers are the thresholds for a meeting of this length.
func (k *talk) tiers() tiers {
	if k.length() >= longMeeting {
		return k.model.long
	}
	return k.model.short
}

// logOdds is a sum in the unit of the regression.
func (k *talk) logOdds(sum int32) float64 { return float64(sum) / float64(k.model.scale) }

// quote is the verbatim sentence, as far as it stands in the first utterance.
func (k *talk) quote(l *line, f *found) string {
	from, to := -1, 0
	for i := range l.tokens {
		if l.tokens[i].utt == f.utts[0] {
			if from < 0 {
				from = i
			}
			to = i + 1
		}
	}
	if from < 0 {
		return k.transcript.Utterances[f.utts[0]].Text
	}
	return k.text(l, from, to)
}

// makeID derives an identifier from what an entry stands on, so that it is the same in every run: a
// UUID of version 8 (RFC 9562 §5.8) over SHA-256.
func makeID(kind string, meeting parley.MeetingID, first parley.UtteranceID, ordinal int) parley.ItemID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d", kind, meeting, first, ordinal))
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	return parley.ItemID(fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]))
}

package minutes

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/parley/parley"
)

// Tier is how sure the extractor is of an item.
type Tier = parley.Tier

// The tiers.
const (
	Proposed  = parley.Proposed
	Suggested = parley.Suggested
)

// Item is an action item with what the extractor knows beyond its record.
type Item struct {
	parley.ActionItem
	Owners []parley.Owner       // all owners; ActionItem.Owner is the one, or all their names joined
	Agreed []parley.UtteranceID // the last utterances of the evidence, which only say yes
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
	answered := map[int]bool{} // lines that only accept an earlier request, or ask to note it
	k.marks = k.findMarks()
	for target, m := range k.marks {
		answered[m.line] = answered[m.line] || m.line != target
	}
	for i := range k.lines {
		if _, marked := k.marks[i]; answered[i] && !marked {
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
			if reply == accepts && c.kind != ownerOpen && c.kind.asked() && k.onlyAccepts(at) {
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

// decide weighs a claim with its answer.
func (k *talk) decide(c claim, reply answer, at int) (found, bool) {
	if c.mark != nil && c.mark.line != c.line && c.kind == ownerNobody {
		reply, at = silence, -1 // a "yes" was said to what was told, not to a request
	}
	asked := c.kind.asked()
	switch {
	case c.mark == nil && asked && (reply == refuses || reply == handsOn):
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
	if c.mark != nil && c.mark.line != c.line {
		f.answers = append(f.answers, k.lines[c.mark.line].tokens[0].utt)
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

// plainAbove is how much surer the model must be of what no cue speaks for, in log-odds, for it to be
// proposed: then a recognizer has spoilt the cue.
const plainAbove = 3

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
	case f.claim.plain && f.claim.mark == nil && f.claim.sum < k.tiers().proposed+plainAbove*k.model.scale:
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

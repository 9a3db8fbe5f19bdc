package minutes

import (
	"strings"

	"github.com/parley/parley"
)

// Reading is a transcript made ready for questions about it: what a claim that somebody else makes
// (a language model) is checked with. It is not safe for concurrent use.
type Reading struct {
	k *talk
}

// Read makes a transcript ready. It is only read, and must not change while the Reading is in use. An error is
// New's.
func (r *Rules) Read(t *parley.Transcript) (*Reading, error) {
	k, err := r.talk(t)
	return &Reading{k}, err
}

// Due is what a quoted time means on the day of the meeting, or nil: no time, or one that is past, a
// habit, or only an event.
func (r *Reading) Due(quote string) *parley.Due {
	if !r.k.hasDay {
		return nil
	}
	s := scanner{fold: r.k.lexicon.fold, text: quote}
	s.scan()
	if len(s.tokens) == 0 || len(s.tokens) > longLine {
		return nil
	}
	dates := r.k.lexicon.calendar.find(s.tokens, r.k.today)
	best := -1
	for i := range dates {
		if dates[i].dated && dates[i].role < roleNot && (best < 0 || dateRank(&dates[i]) > dateRank(&dates[best])) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	d := &dates[best]
	return d.due(quote[s.tokens[d.from].start:s.tokens[d.to-1].end])
}

// Person is the one participant who is called name; false for none, or more than one.
func (r *Reading) Person(name string) (parley.Participant, bool) {
	s := scanner{fold: r.k.lexicon.fold, text: name}
	s.scan()
	if len(s.tokens) == 0 {
		return parley.Participant{}, false
	}
	c := r.k.roster.at(s.tokens, 0)
	if c == nil || len(c.words) != len(s.tokens) || len(c.who) != 1 || c.title {
		return parley.Participant{}, false
	}
	return r.k.transcript.Participants[c.who[0]], true
}

// Mentions reports whether an utterance names a participant.
func (r *Reading) Mentions(utterance int, id parley.ParticipantID) bool {
	for i := range r.k.lines {
		l := &r.k.lines[i]
		for _, m := range l.mentions {
			if l.tokens[m.from].utt != utterance {
				continue
			}
			for _, who := range m.who {
				if r.k.transcript.Participants[who].ID == id {
					return true
				}
			}
		}
	}
	return false
}

// Work reports whether a cue in an utterance says that somebody takes on or is given work.
func (r *Reading) Work(utterance int) bool {
	for i := range r.k.lines {
		l := &r.k.lines[i]
		if l.tokens[0].utt > utterance || l.tokens[len(l.tokens)-1].utt < utterance {
			continue
		}
		for _, c := range r.k.claims(i) {
			if c.score >= scoreProposed {
				return true
			}
		}
	}
	return false
}

// Fold makes texts comparable: lower case, half width, simplified characters.
func (r *Reading) Fold(text string) string { return r.k.lexicon.fold.text(text) }

// Content are the words of a task that carry meaning, folded; Chinese has its characters.
func (r *Reading) Content(task string) []string {
	words := r.k.content(&found{task: task})
	for _, c := range r.Fold(task) {
		if isHan(c) && !isChineseGrammar(string(c)) && !containsText(words, string(c)) {
			words = append(words, string(c))
		}
	}
	return words
}

// EntryID is the identifier of an action item that kind found in an utterance, the nth there.
func EntryID(kind string, meeting parley.MeetingID, first parley.UtteranceID, n int) parley.ItemID {
	return makeID(kind, meeting, first, n)
}

// IsMarked reports an item that people asked to note.
func IsMarked(item *parley.ActionItem) bool {
	return len(item.Why) > 0 && strings.HasPrefix(item.Why[0], "marker ")
}

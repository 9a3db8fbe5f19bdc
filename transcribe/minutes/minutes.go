package minutes

import (
	"context"

	"github.com/parley/parley"
)

// Extractor mines a transcript. Implementations are deterministic and safe for concurrent use; the
// transcript is only read. Made and Final are left to the caller.
type Extractor interface {
	Extract(ctx context.Context, t parley.Transcript) (parley.Minutes, error)
}

var _ Extractor = (*Rules)(nil)

// Rules is the built-in extractor.
type Rules struct {
	// constant after New
	lexicon *lexicon
	model   *model
}

// New compiles the built-in tables. It starts nothing and reads no file.
func New() (*Rules, error) {
	l, err := newLexicon()
	if err != nil {
		return nil, err
	}
	m, err := parseModel(modelFile)
	if err != nil {
		return nil, err
	}
	return &Rules{lexicon: l, model: m}, nil
}

// Findings is everything the extractor found in one meeting, in order of time.
type Findings struct {
	Items     []Item
	Decisions []parley.Decision
	Questions []parley.Question
}

// Find mines a transcript and keeps what Extract does not carry.
func (r *Rules) Find(ctx context.Context, t *parley.Transcript) (Findings, error) {
	if err := ctx.Err(); err != nil {
		return Findings{}, err
	}
	k := newTalk(r.lexicon, t)
	k.model = r.model
	return k.findings(), nil
}

// findings mines the whole talk.
func (k *talk) findings() Findings {
	all := k.items()
	findings := Findings{}
	taken := map[int]bool{}
	ordinals := map[int]int{} // items per first utterance
	for i := range all {
		f := &all[i]
		item := k.finish(f, ordinals[f.utts[0]])
		taken[f.claim.line] = taken[f.claim.line] || item.Tier == Proposed
		findings.Items = append(findings.Items, item)
		ordinals[f.utts[0]]++
	}
	findings.Decisions = k.decisions(taken)
	findings.Questions = k.questions()
	return findings
}

// Extract implements Extractor.
func (r *Rules) Extract(ctx context.Context, t parley.Transcript) (parley.Minutes, error) {
	findings, err := r.Find(ctx, &t)
	if err != nil {
		return parley.Minutes{}, err
	}
	m := parley.Minutes{
		Meeting:   t.Meeting.ID,
		Decisions: findings.Decisions, Questions: findings.Questions,
	}
	for _, item := range findings.Items {
		m.Items = append(m.Items, item.ActionItem)
	}
	return m, nil
}

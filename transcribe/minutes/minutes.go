package minutes

import (
	"context"
	"sync"

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
	tables func() (tables, error)
}

// tables are the built-in ones, compiled: constant.
type tables struct {
	lexicon *lexicon
	model   *model
}

// New compiles the built-in tables. It starts nothing and reads no file. An error is a mistake in the tables.
func New() (*Rules, error) {
	r := Later()
	_, err := r.tables()
	return r, err
}

// Later is New when the tables are first needed, which takes them a few milliseconds and as many megabytes.
func Later() *Rules { return &Rules{sync.OnceValues(compileTables)} }

func compileTables() (tables, error) {
	l, err := newLexicon()
	if err != nil {
		return tables{}, err
	}
	m, err := parseModel(modelFile)
	return tables{l, m}, err
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
	k, err := r.talk(t)
	if err != nil {
		return Findings{}, err
	}
	return k.findings(), nil
}

// talk makes a transcript ready.
func (r *Rules) talk(t *parley.Transcript) (*talk, error) {
	compiled, err := r.tables()
	if err != nil {
		return nil, err
	}
	k := newTalk(compiled.lexicon, t)
	k.model = compiled.model
	return k, nil
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

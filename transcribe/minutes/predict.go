package minutes

import (
	"bufio"
	"bytes"
	"context"
	"io"

	"github.com/parley/parley"
)

// PredictOptions say what Predict writes.
type PredictOptions struct {
	Tier    Tier // Suggested: the less certain items too
	Explain bool // the score and the cues behind each entry
}

// Predict reads transcripts from in, named name in errors, and writes one prediction line a meeting to
// out. Nothing is written when a line is bad, so that no half result is taken for a whole one.
func Predict(ctx context.Context, r *Rules, name string, in io.Reader, out io.Writer, o PredictOptions) error {
	var lines bytes.Buffer
	err := ReadRecords(name, in, func(t parley.Transcript) error {
		findings, err := r.Find(ctx, &t)
		if err != nil {
			return err
		}
		findings.Only(o.Tier)
		return WritePrediction(&lines, t.Meeting.ID, &findings, o.Explain)
	})
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	if _, err := lines.WriteTo(w); err != nil {
		return err
	}
	return w.Flush()
}

// Only drops the items that are less certain than a tier; the zero Tier is Proposed.
func (f *Findings) Only(tier Tier) {
	if tier == Suggested {
		return
	}
	kept := f.Items[:0]
	for i := range f.Items {
		if f.Items[i].Tier == Proposed {
			kept = append(kept, f.Items[i])
		}
	}
	f.Items = kept
}

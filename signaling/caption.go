package signaling

import (
	"context"
	"fmt"
	"iter"

	"go.uber.org/zap"

	"github.com/parley/parley"
)

// listen turns the events of the meeting into captions until ctx ends. An event only names a row: the
// row is what is shown. A jump in the numbers means that some were missed: then all rows are read.
func (r *room) listen(ctx context.Context, feed iter.Seq[parley.Event]) {
	last := map[string]uint64{} // by origin
	for e := range feed {
		missed := last[e.Origin] != 0 && e.Seq > last[e.Origin]+1
		last[e.Origin] = e.Seq
		var err error
		switch {
		case missed:
			err = r.catchUp(ctx)
		case e.Kind == parley.EventUtterance:
			err = r.caption(ctx, e.Utterance)
		case e.Kind == parley.EventMinutes:
			err = r.post(ctx, minuted{})
		}
		if err != nil && ctx.Err() == nil {
			r.log.Warn("captions could not be read", zap.Error(err))
		}
	}
}

func (r *room) caption(ctx context.Context, id parley.UtteranceID) error {
	u, err := r.keep.Transcripts.Utterance(ctx, id)
	if err != nil {
		return fmt.Errorf("read utterance: %w", err)
	}
	if caption, ok := captionOf(u); ok || u.State != parley.Pending {
		return r.post(ctx, captioned{caption}) // also without words: some may be on the screen
	}
	return nil
}

// Show tells the people in a meeting what is heard of an utterance that has not ended: its Text so
// far. It never blocks; a room that is busy misses it.
func (rs *Rooms) Show(u parley.Utterance) {
	rs.mu.Lock()
	r := rs.open[u.Meeting]
	rs.mu.Unlock()
	if r == nil {
		return
	}
	caption, _ := captionOf(u)
	select {
	case r.inbox <- grown{caption}:
	default:
	}
}

func (r *room) catchUp(ctx context.Context) error {
	captions, err := r.readCaptions(ctx)
	if err != nil {
		return err
	}
	for _, caption := range captions {
		if err := r.post(ctx, captioned{caption}); err != nil {
			return err
		}
	}
	return r.post(ctx, minuted{})
}

// readCaptions reads what has words so far, in order of speaking.
func (r *room) readCaptions(ctx context.Context) ([]Caption, error) {
	transcript, err := r.keep.Transcripts.Transcript(ctx, r.id)
	if err != nil {
		return nil, fmt.Errorf("read transcript: %w", err)
	}
	var captions []Caption
	for _, u := range transcript.Utterances {
		if caption, ok := captionOf(u); ok {
			captions = append(captions, caption)
		}
	}
	return captions, nil
}

// captionOf is the caption of an utterance; false while it has no words.
func captionOf(u parley.Utterance) (Caption, bool) {
	return Caption{
		Type: TypeCaption, Utterance: u.ID, Participant: u.Participant,
		StartMS: u.Start.Milliseconds(), EndMS: u.End.Milliseconds(), Text: u.Text, Lang: u.Lang,
		Final: u.State != parley.Pending,
	}, u.State == parley.Recognized && u.Text != ""
}

// addCaption keeps a caption for late joiners; false when it is there already.
func (r *room) addCaption(caption Caption) bool {
	if r.worded[caption.Utterance] {
		return false
	}
	r.worded[caption.Utterance] = true
	r.captions = keepLast(append(r.captions, caption), captionsKept)
	return true
}

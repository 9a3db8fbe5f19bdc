package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/parley/parley"
)

// demoResult is what a demo meeting came to: the one object of --json, and what is printed for a
// person. Times are seconds of the script: 0 is when everybody was connected.
type demoResult struct {
	Meeting    demoMeeting     `json:"meeting"`
	Utterances []demoUtterance `json:"utterances"`
	Items      []demoItem      `json:"action_items"`
	Decisions  []demoEntry     `json:"decisions"`
	Questions  []demoEntry     `json:"questions"`
	Recording  []demoTrack     `json:"recording"`
	Timings    demoTimings     `json:"timings"`
}

type demoMeeting struct {
	ID      parley.MeetingID `json:"id"`
	Title   string           `json:"title"`
	Start   string           `json:"start"` // RFC 3339: what due dates are reckoned from
	Region  parley.Region    `json:"region"`
	Seconds float64          `json:"seconds"` // from script second 0 to the end
	Record  string           `json:"record"`  // address of the record page
	Words   bool             `json:"words"`   // false when no speech engine ran
}

type demoUtterance struct {
	ID      parley.UtteranceID `json:"id"`
	Speaker string             `json:"speaker"`
	Start   float64            `json:"start"`
	End     float64            `json:"end"`
	Text    string             `json:"text"`
	Lang    string             `json:"lang,omitempty"`
}

type demoItem struct {
	Task       string               `json:"task"`
	Owner      *string              `json:"owner"`
	Due        *parley.Date         `json:"due"`
	DueText    string               `json:"due_text,omitempty"`
	Evidence   []parley.UtteranceID `json:"evidence"`
	Quote      string               `json:"quote"`
	Start      float64              `json:"start"`
	Confidence parley.Confidence    `json:"confidence"`
	Why        []string             `json:"why"`
}

type demoEntry struct {
	Text     string               `json:"text"`
	Evidence []parley.UtteranceID `json:"evidence"`
	Quote    string               `json:"quote"`
	Start    float64              `json:"start"`
}

type demoTrack struct {
	Track    parley.TrackID `json:"track"`
	Speaker  string         `json:"speaker"`
	Source   parley.Source  `json:"source"`
	Duration float64        `json:"duration"`
	Bytes    int64          `json:"bytes"`
	Segments int            `json:"segments"`
	Gaps     []demoGap      `json:"gaps"`
}

type demoGap struct {
	Start  float64          `json:"start"`
	End    float64          `json:"end"`
	Reason parley.GapReason `json:"reason"`
}

type demoTimings struct {
	JoinMS       map[string]int64 `json:"join_ms"`
	MinutesReady float64          `json:"minutes_ready_s"`
	WordLag      quantiles        `json:"word_lag_s"`    // from the end of a word to its being shown, within its utterance
	CaptionLag   quantiles        `json:"caption_lag_s"` // from the end of an utterance's last word to its final caption
}

// scriptClock turns the meeting clock into seconds of the script.
type scriptClock struct{ zero time.Duration }

func (c scriptClock) seconds(at time.Duration) float64 {
	return math.Round((at-c.zero).Seconds()*1000) / 1000
}

// readResult collects a meeting's record from its region.
func readResult(ctx context.Context, keep *parley.Keep, id parley.MeetingID, clock scriptClock) (demoResult, error) {
	var result demoResult
	transcript, err := keep.Transcripts.Transcript(ctx, id)
	if err != nil {
		return result, fmt.Errorf("read transcript: %w", err)
	}
	minutes, err := keep.Actions.Minutes(ctx, id)
	if err != nil {
		return result, fmt.Errorf("read minutes: %w", err)
	}
	recording, err := keep.Recordings.Recording(ctx, id)
	if err != nil {
		return result, fmt.Errorf("read recording: %w", err)
	}
	names := map[parley.ParticipantID]string{}
	for _, p := range transcript.Participants {
		names[p.ID] = p.Name
	}
	m := transcript.Meeting
	reckoned := m.Reckoned
	if reckoned.IsZero() {
		reckoned = m.Started
	}
	result.Meeting = demoMeeting{
		ID: m.ID, Title: m.Title, Region: m.Region, Seconds: clock.seconds(m.Clock(m.Ended)),
		Start: reckoned.In(m.Location()).Format(time.RFC3339),
	}
	result.Utterances = demoUtterances(transcript, names, clock)
	result.Items = demoItems(minutes, clock)
	for _, d := range minutes.Decisions {
		result.Decisions = append(result.Decisions, demoEntryOf(d.Text, d.Evidence, clock))
	}
	for _, q := range minutes.Questions {
		result.Questions = append(result.Questions, demoEntryOf(q.Text, q.Evidence, clock))
	}
	result.Recording = demoTracks(recording, names, clock)
	return result, nil
}

func demoUtterances(t parley.Transcript, names map[parley.ParticipantID]string, clock scriptClock) []demoUtterance {
	said := make([]demoUtterance, 0, len(t.Utterances))
	for _, u := range t.Utterances {
		said = append(said, demoUtterance{
			ID: u.ID, Speaker: names[u.Participant], Text: u.Text, Lang: u.Lang,
			Start: clock.seconds(u.Start), End: clock.seconds(u.End),
		})
	}
	return said
}

func demoItems(minutes parley.Minutes, clock scriptClock) []demoItem {
	items := make([]demoItem, 0, len(minutes.Items))
	for _, i := range minutes.Items {
		if i.Tier == parley.Suggested {
			continue
		}
		item := demoItem{
			Task: i.Task, Evidence: i.Utterances, Quote: i.Quote, Confidence: i.Confidence, Why: i.Why,
			Start: clock.seconds(i.Start),
		}
		if i.Owner.Name != "" {
			item.Owner = &i.Owner.Name
		}
		if i.Due != nil {
			item.DueText = i.Due.Text
			if i.Due.Date != "" {
				item.Due = &i.Due.Date
			}
		}
		items = append(items, item)
	}
	return items
}

func demoEntryOf(text string, e parley.Evidence, clock scriptClock) demoEntry {
	return demoEntry{Text: text, Evidence: e.Utterances, Quote: e.Quote, Start: clock.seconds(e.Start)}
}

func demoTracks(r parley.Recording, names map[parley.ParticipantID]string, clock scriptClock) []demoTrack {
	tracks := make([]demoTrack, 0, len(r.Tracks))
	for _, t := range r.Tracks {
		track := demoTrack{
			Track: t.ID, Speaker: names[t.Participant], Source: t.Source, Segments: len(t.Segments),
			Gaps: []demoGap{},
		}
		for _, s := range t.Segments {
			track.Bytes += s.Bytes
		}
		if last := len(t.Segments) - 1; last >= 1 { // segment 0 is the header
			track.Duration = (t.Segments[last].End - t.Segments[1].Start).Seconds()
		}
		for _, g := range t.Gaps {
			track.Gaps = append(track.Gaps, demoGap{
				Start: clock.seconds(g.Start), End: clock.seconds(g.End), Reason: g.Reason,
			})
		}
		tracks = append(tracks, track)
	}
	return tracks
}

// writeJSON writes the result as one JSON object.
func (r demoResult) writeJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// writeText writes the minutes as a person reads them.
func (r demoResult) writeText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s · %s · %d tracks kept in region %s\n", r.Meeting.Title,
		clockText(r.Meeting.Seconds), len(r.Recording), r.Meeting.Region)
	fmt.Fprint(&b, "\nTranscript\n")
	for _, u := range r.Utterances {
		fmt.Fprintf(&b, "  %5s  %-12s  %s\n", clockText(u.Start), u.Speaker, u.Text)
	}
	fmt.Fprintf(&b, "\nAction items (%d)\n", len(r.Items))
	for n, i := range r.Items {
		owner, due := "unassigned", ""
		if i.Owner != nil {
			owner = *i.Owner
		}
		switch {
		case i.Due != nil:
			due = fmt.Sprintf(", due %s (%q)", *i.Due, i.DueText)
		case i.DueText != "":
			due = fmt.Sprintf(", due %q", i.DueText)
		}
		fmt.Fprintf(&b, "  %d. %s\n     %s%s\n     %s  “%s” (%s)\n", n+1, i.Task, owner, due,
			clockText(i.Start), i.Quote, i.Confidence)
	}
	writeEntries(&b, "Decisions", r.Decisions)
	writeEntries(&b, "Open questions", r.Questions)
	fmt.Fprintf(&b, "\nMinutes ready %.1f s after the end.\n", r.Timings.MinutesReady)
	_, err := io.WriteString(w, b.String())
	return err
}

func writeEntries(b *strings.Builder, title string, entries []demoEntry) {
	if len(entries) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s (%d)\n", title, len(entries))
	for _, e := range entries {
		fmt.Fprintf(b, "  %5s  “%s”\n", clockText(e.Start), e.Quote)
	}
}

// clockText writes seconds as 1:05.
func clockText(seconds float64) string {
	whole := int(math.Max(0, seconds))
	return fmt.Sprintf("%d:%02d", whole/60, whole%60)
}

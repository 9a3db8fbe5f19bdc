package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/parley/parley"
)

const sayNoRecord = "There is no such record, or it is not yours to read."

// listRecords lists what the caller created or took part in, newest first, over all regions.
func (s *server) listRecords(w http.ResponseWriter, r *http.Request) error {
	caller, err := s.Auth.Identify(r)
	if err != nil {
		return err
	}
	if caller.Identity == "" {
		return &parley.Error{
			Op: "list records", Kind: parley.Unauthorized, Say: "Open a meeting first: then there are records to list.",
		}
	}
	var all []parley.Meeting
	for _, region := range s.Order {
		keep, err := s.Regions.In(region)
		if err != nil {
			return err
		}
		attended, err := keep.Participants.Attended(r.Context(), caller.Identity)
		if err != nil {
			return fmt.Errorf("list records of %s: %w", region, err)
		}
		all = append(all, attended...)
	}
	slices.SortStableFunc(all, func(a, b parley.Meeting) int { return b.Created.Compare(a.Created) })
	views := []recordRow{}
	for _, m := range all {
		views = append(views, recordRow{
			ID: m.ID, Title: m.Title, Region: m.Region, State: m.State,
			Started: wallClock(m.Started), Ended: wallClock(m.Ended),
		})
	}
	return writeJSON(w, http.StatusOK, views)
}

// readable finds a meeting whose record the sender of the request may read, with its participants.
func (s *server) readable(r *http.Request) (parley.Meeting, *parley.Keep, []parley.Participant, error) {
	caller, err := s.Auth.Identify(r)
	if err != nil {
		return parley.Meeting{}, nil, nil, err
	}
	m, keep, err := s.find(r.Context(), parley.MeetingID(r.PathValue("id")))
	if err != nil {
		return m, nil, nil, hideMissing(err, sayNoRecord)
	}
	people, err := keep.Participants.Participants(r.Context(), m.ID)
	if err != nil {
		return m, nil, nil, fmt.Errorf("read participants: %w", err)
	}
	if !mayRead(caller, m, people) {
		return m, nil, nil, notFound(sayNoRecord)
	}
	return m, keep, people, nil
}

// showRecord gathers everything the record page shows but the media.
func (s *server) showRecord(w http.ResponseWriter, r *http.Request) error {
	m, keep, people, err := s.readable(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	recording, err := keep.Recordings.Recording(ctx, m.ID)
	if err != nil {
		return fmt.Errorf("read recording: %w", err)
	}
	transcript, err := keep.Transcripts.Transcript(ctx, m.ID)
	if err != nil {
		return fmt.Errorf("read transcript: %w", err)
	}
	chat, err := keep.Chats.ChatMessages(ctx, m.ID)
	if err != nil {
		return fmt.Errorf("read chat: %w", err)
	}
	minutes, err := keep.Actions.Minutes(ctx, m.ID)
	if err != nil && !errors.Is(err, parley.NotFound) {
		return fmt.Errorf("read minutes: %w", err)
	}
	changes, changesErr := keep.Actions.Changes(ctx, m.ID)
	if changesErr != nil {
		return fmt.Errorf("read changes: %w", changesErr)
	}
	view := recordView{
		Meeting: viewMeeting(m), Participants: viewPeople(m, people), Recording: viewRecording(recording),
		Utterances: viewUtterances(transcript.Utterances), Chat: viewChat(chat), Words: s.words(),
	}
	if err == nil || len(changes) > 0 {
		view.Minutes = viewMinutes(minutes.Final, parley.Agreements(minutes, changes))
	}
	caller, err := s.Auth.Identify(r)
	if err != nil {
		return err
	}
	you, may := mayChange(caller, m, people)
	view.You, view.Name, view.MayChange = you.ID, changerName(you, caller, r), may
	for _, u := range transcript.Utterances {
		if u.State == parley.Pending {
			view.Pending++
		}
	}
	return writeJSON(w, http.StatusOK, view)
}

package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling/auth"
)

// createMeeting makes a meeting and its two links. A browser that had no cookie yet gets one, so that
// one click is enough to be its host.
func (s *server) createMeeting(w http.ResponseWriter, r *http.Request) error {
	caller, err := s.Auth.Identify(r)
	if err != nil {
		return err
	}
	if !s.Auth.MayCreate(r, caller) {
		return &parley.Error{
			Op: "create meeting", Kind: parley.Forbidden,
			Say: "Only people of this server create meetings. Open the host link it printed when it started.",
		}
	}
	m, err := s.readMeeting(w, r)
	if err != nil {
		return err
	}
	if caller.Identity == "" {
		caller = s.Auth.Welcome(w, r, caller, "")
	}
	m.Creator = caller.Identity
	if m, err = s.storeMeeting(r.Context(), m); err != nil {
		return err
	}
	w.Header().Set("Location", "/api/v1/meetings/"+string(m.ID))
	return writeJSON(w, http.StatusCreated, struct {
		Meeting  meetingView `json:"meeting"`
		HostLink string      `json:"host_link"`
		Link     string      `json:"link"`
	}{viewMeeting(m), s.Auth.HostLink(m.ID), s.Auth.MeetingLink(m.ID, parley.RoleMember)})
}

// readMeeting makes a meeting of what a body asks for; it has neither ID nor creator yet.
func (s *server) readMeeting(w http.ResponseWriter, r *http.Request) (parley.Meeting, error) {
	var body struct {
		Title  string        `json:"title"`
		Region parley.Region `json:"region"`
		Zone   string        `json:"zone"`
		Record *bool         `json:"record"`
	}
	var m parley.Meeting
	if err := readBody(w, r, &body); err != nil {
		return m, err
	}
	title, err := cleanLine("title", body.Title)
	if err != nil {
		return m, err
	}
	if body.Region == "" {
		body.Region = s.Order[0]
	}
	if _, err := s.Regions.In(body.Region); err != nil {
		return m, invalid("This server has no such region.")
	}
	if body.Zone == "" {
		body.Zone = "UTC"
	}
	if !isZone(body.Zone) {
		return m, invalid(`The zone is an IANA name like "Asia/Hong_Kong" or an offset like "+08:00".`)
	}
	return parley.Meeting{
		Title: title, Region: body.Region, Zone: body.Zone, Record: body.Record == nil || *body.Record,
		State: parley.Scheduled, Created: time.Now(),
	}, nil
}

func isZone(zone string) bool {
	if strings.HasPrefix(zone, "+") || strings.HasPrefix(zone, "-") {
		_, err := time.Parse("-07:00", zone)
		return err == nil
	}
	_, err := time.LoadLocation(zone)
	return err == nil && zone != "Local"
}

// storeMeeting places the meeting, then creates it in its region: a crash in between leaves a place
// without a meeting, which is not found.
func (s *server) storeMeeting(ctx context.Context, m parley.Meeting) (parley.Meeting, error) {
	keep, err := s.Regions.In(m.Region)
	if err != nil {
		return m, err
	}
	const tries = 3 // 26^10 codes: two collisions in a row do not happen
	for range tries {
		m.ID = newMeetingID()
		err = s.Directory.Place(ctx, m.ID, m.Region)
		if err == nil {
			err = keep.Meetings.CreateMeeting(ctx, m)
		}
		if err == nil {
			return m, nil
		}
		if !errors.Is(err, parley.Conflict) {
			break
		}
	}
	return m, fmt.Errorf("create meeting: %w", err)
}

// newMeetingID makes a code that can be read out: "kfm-tqzw-rbn".
func newMeetingID() parley.MeetingID {
	const pattern = "xxx-xxxx-xxx"
	id := []byte(pattern)
	for i := range id {
		for id[i] == 'x' {
			var b [1]byte
			_, _ = rand.Read(b[:]) // never fails since Go 1.24
			if b[0] < 234 {        // 9 × 26: every letter is as likely
				id[i] = 'A' + b[0]%26
			}
		}
	}
	return parley.MeetingID(strings.ToLower(string(id)))
}

// showMeeting is what the page before joining draws.
func (s *server) showMeeting(w http.ResponseWriter, r *http.Request) error {
	caller, err := s.Auth.Identify(r)
	if err != nil {
		return err
	}
	m, _, err := s.find(r.Context(), parley.MeetingID(r.PathValue("id")))
	if err != nil {
		return err
	}
	role := caller.RoleIn(m)
	if role == "" {
		return notFound(sayNoMeeting)
	}
	people, err := s.Rooms.Present(r.Context(), m.ID)
	if err != nil {
		return fmt.Errorf("who is present: %w", err)
	}
	if people == nil {
		people = []string{}
	}
	servers := []ICEServer{}
	if m.State != parley.Ended { // else there is nothing to join
		servers = append(servers, s.ICEServers(m.ID, caller.Identity)...)
	}
	return writeJSON(w, http.StatusOK, struct {
		ID         parley.MeetingID    `json:"id"`
		Title      string              `json:"title"`
		Region     parley.Region       `json:"region"`
		State      parley.MeetingState `json:"state"`
		Record     bool                `json:"record"`
		Role       parley.Role         `json:"role"`
		Present    int                 `json:"present"`
		People     []string            `json:"people"`
		Started    time.Time           `json:"started,omitzero"`
		ICEServers []ICEServer         `json:"ice_servers"`
	}{m.ID, m.Title, m.Region, m.State, m.Record, role, len(people), people, wallClock(m.Started), servers})
}

const sayNoMeeting = "There is no meeting here for you. Open the link you were invited with, the whole of it."

// find looks a meeting up in its region.
func (s *server) find(ctx context.Context, id parley.MeetingID) (parley.Meeting, *parley.Keep, error) {
	region, err := s.Directory.RegionOf(ctx, id)
	if err != nil {
		return parley.Meeting{}, nil, hideMissing(err, sayNoMeeting)
	}
	keep, err := s.Regions.In(region)
	if err != nil {
		return parley.Meeting{}, nil, &parley.Error{
			Op: "find meeting", Kind: parley.Unavailable, Err: err,
			Say: "The region of this meeting is not connected to this server.",
		}
	}
	m, err := keep.Meetings.Meeting(ctx, id)
	if err != nil {
		return parley.Meeting{}, nil, hideMissing(err, sayNoMeeting)
	}
	return m, keep, nil
}

// hideMissing gives what is not found the sentence that what must not be known has too.
func hideMissing(err error, say string) error {
	if errors.Is(err, parley.NotFound) {
		return notFound(say)
	}
	return err
}

// mayRead reports whether a caller may read the record of a meeting.
func mayRead(caller auth.Caller, m parley.Meeting, people []parley.Participant) bool {
	if caller.RoleIn(m) == parley.RoleHost {
		return true
	}
	for _, p := range people {
		if p.Identity == caller.Identity && caller.Identity != "" {
			return true
		}
	}
	return false
}

// mayChange reports whether a caller may decide about what a meeting agreed on: a host, or who took part
// and could speak. It names the caller among the participants, or nobody.
func mayChange(caller auth.Caller, m parley.Meeting, people []parley.Participant) (parley.Participant, bool) {
	host := caller.RoleIn(m) == parley.RoleHost
	for _, p := range people {
		if p.Identity == caller.Identity && caller.Identity != "" {
			return p, host || p.Role.MayPublish()
		}
	}
	return parley.Participant{}, host
}

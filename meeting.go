package parley

import (
	"strings"
	"time"
)

// MeetingState is where a meeting is in its life; it only moves forward.
type MeetingState string

// The states of a meeting.
const (
	Scheduled MeetingState = "scheduled" // created, nobody has joined yet
	Live      MeetingState = "live"      // its clock runs
	Ended     MeetingState = "ended"     // nobody can join; the record may still be completing
)

// Meeting is what its region's catalog knows of one meeting.
type Meeting struct {
	ID      MeetingID
	Title   string // as typed; may be empty
	Region  Region // frozen at creation
	Zone    string // where spoken dates are reckoned: an IANA time zone or "+08:00"; never empty
	Record  bool   // consenting participants are recorded and transcribed
	Creator Identity
	State   MeetingState
	Created time.Time
	Started time.Time // zero of the meeting clock; zero while scheduled
	Ended   time.Time // zero until ended
	// Reckoned is the wall-clock time that due dates are counted from; the zero time means Started.
	Reckoned time.Time
}

// Clock converts a wall-clock time to the meeting clock: the time since Started.
func (m Meeting) Clock(t time.Time) time.Duration { return t.Sub(m.Started) }

// Location is the time zone of the meeting's spoken dates; UTC where Zone is not known.
func (m Meeting) Location() *time.Location {
	if strings.HasPrefix(m.Zone, "+") || strings.HasPrefix(m.Zone, "-") {
		if t, err := time.Parse("-07:00", m.Zone); err == nil {
			return t.Location()
		}
	}
	location, err := time.LoadLocation(m.Zone)
	if err != nil {
		return time.UTC
	}
	return location
}

// Role is what a participant may do in one meeting.
type Role string

// The roles, from least to most.
const (
	RoleViewer Role = "viewer" // sees and hears
	RoleMember Role = "member" // also speaks, shows and writes
	RoleHost   Role = "host"   // also ends the meeting
)

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool { return r == RoleViewer || r == RoleMember || r == RoleHost }

// MayPublish reports whether a participant in this role may send audio and video, and write in chat.
func (r Role) MayPublish() bool { return r == RoleMember || r == RoleHost }

// MayEnd reports whether a participant in this role may end the meeting for everybody.
func (r Role) MayEnd() bool { return r == RoleHost }

// Consent is a participant's answer to "record and transcribe me?".
type Consent string

// The answers. Only Granted lets a participant's media reach a tap.
const (
	Unasked  Consent = ""
	Granted  Consent = "granted"
	Declined Consent = "declined"
)

// Participant is one person's place in one meeting.
type Participant struct {
	ID       ParticipantID
	Meeting  MeetingID
	Identity Identity
	Number   uint32   // unique in the meeting, from 1 in order of first join; the CSRC on audio seats
	Name     string   // as typed, 1 to 80 characters
	Title    string   // role in the organization ("Store Manager"), or empty
	Aliases  []string // other names this person is called by, or nil
	Language string   // what they said they speak, "en", "zh" or "yue"; "" leaves it open
	Several  bool     // a room with several people at one microphone: nobody knows who of them speaks
	Role     Role
	Consent  Consent
	Joined   time.Time // first join
	Left     time.Time // last leave; zero while present
}

// ChatMessage is one line written in a meeting.
type ChatMessage struct {
	ID          string // UUIDv7, or UUIDv8 of participant and key where the sender gave a key
	Meeting     MeetingID
	Participant ParticipantID
	At          time.Duration // meeting clock, whole milliseconds; rises from line to line of a connection
	Text        string        // 1 to 4,000 characters, no markup
}

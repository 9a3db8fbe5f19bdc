package signaling

import (
	"github.com/parley/parley"
	"github.com/parley/parley/sfu"
)

// The messages of the WebSocket at /api/v1/meetings/{id}/socket: one JSON object per text frame,
// told apart by "type". docs/protocol.md is normative; testdata/messages holds one example of each,
// which Go and the browser app both decode. Times are milliseconds on the meeting clock.

// Type names a message.
type Type string

// The messages a browser sends.
const (
	TypeJoin      Type = "join"      // first, and once per connection
	TypeOffer     Type = "offer"     // a later offer: more seats, or an ICE restart
	TypeCandidate Type = "candidate" // one trickled ICE candidate
	TypeSeats     Type = "seats"     // who sits in which video seat; from the server: who does
	TypeMute      Type = "mute"      // a source was switched off or on
	TypeChat      Type = "chat"      // one line of chat; from the server: one line somebody wrote
	TypePing      Type = "ping"      // is anybody there
	TypeLeave     Type = "leave"     // going for good
	TypeEnd       Type = "end"       // end the meeting for everybody (hosts)
)

// The messages the server sends, besides seats and chat.
const (
	TypeJoined    Type = "joined"     // the answer to join
	TypeAnswer    Type = "answer"     // the answer to offer
	TypePong      Type = "pong"       // the answer to ping
	TypeRoster    Type = "roster"     // who came, changed and went
	TypeCaption   Type = "caption"    // one utterance, in words
	TypeStatus    Type = "status"     // what is being kept, and what is missing
	TypeMinutes   Type = "minutes"    // the minutes changed: fetch them
	TypeEncodings Type = "encodings"  // which encodings of a source anybody watches
	TypeError     Type = "error"      // the last request failed; the connection may go on
	TypeEnded     Type = "ended"      // the meeting is over; the connection closes
	TypeGoingAway Type = "going-away" // the server stops: reconnect after RetryMS
)

// Join asks for a seat at the meeting. The credential is the cookie, a bearer token, or Token.
type Join struct {
	Type Type `json:"type"`
	// Name is 1 to 80 characters; a program may leave it out when its token carries one.
	Name string `json:"name"`
	// Consent is required where the meeting is recorded: "granted" or "declined".
	Consent parley.Consent `json:"consent"`
	// Resume is the value of an earlier Joined, or empty: come back as the same participant. A
	// second connection that resumes a participant takes over from the first.
	Resume string `json:"resume,omitempty"`
	Token  string `json:"token,omitempty"`
	// Title and Aliases are for programs that know the roster.
	Title   string   `json:"title,omitempty"`
	Aliases []string `json:"aliases,omitempty"`
	// Language is what the sender speaks, "en", "zh" or "yue": what they say is heard as that. "" leaves
	// it open, utterance by utterance.
	Language string `json:"language,omitempty"`
	// Several says that more than one person sits at the sender's microphone.
	Several bool  `json:"several,omitempty"`
	Offer   Offer `json:"offer"`
}

// Offer is an SDP offer and what its m-lines are for.
type Offer struct {
	Type Type `json:"type,omitempty"`
	// Seq rises by one with each offer of a connection; the answer repeats it. 0 in Join.
	Seq int    `json:"seq,omitempty"`
	SDP string `json:"sdp"`
	// Sources names the source of each sendonly m-line by MID: {"0":"microphone","1":"camera"}.
	// Every recvonly line is a seat: audio ones are voices, video ones are video seats.
	Sources map[string]parley.Source `json:"sources"`
}

// Candidate is one ICE candidate of the browser, as RTCIceCandidateInit; an empty candidate text
// ends them.
type Candidate struct {
	Type          Type    `json:"type"`
	Candidate     string  `json:"candidate"`
	SDPMid        *string `json:"sdpMid,omitempty"`
	SDPMLineIndex *uint16 `json:"sdpMLineIndex,omitempty"`
}

// Seats asks for publications in video seats. A seat that is not named keeps what it has.
type Seats struct {
	Type  Type          `json:"type"`
	Seats []SeatRequest `json:"seats"`
}

// SeatRequest asks for one video seat.
type SeatRequest struct {
	MID string `json:"mid"`
	// Track is the publication to show; empty empties the seat.
	Track parley.TrackID `json:"track"`
	// Width and Height are the size it is shown at, in device pixels; 0 for unknown.
	Width  int `json:"width,omitempty"`
	Height int `json:"height,omitempty"`
	// Priority orders seats when bandwidth is short: higher first.
	Priority int `json:"priority,omitempty"`
}

// SeatMap tells a browser who sits where. It is sent whole.
type SeatMap struct {
	Type  Type        `json:"type"`
	Seq   uint64      `json:"seq"` // rises with each map of a connection
	Seats []SeatState `json:"seats"`
}

// SeatState is one seat of a SeatMap; an empty Track is an empty seat.
type SeatState struct {
	MID         string               `json:"mid"`
	Kind        parley.MediaKind     `json:"kind"`
	Track       parley.TrackID       `json:"track,omitempty"`
	Participant parley.ParticipantID `json:"participant,omitempty"`
	// Paused says why nothing of Track is sent: "bandwidth". Empty when it is.
	Paused sfu.PauseReason `json:"paused,omitempty"`
}

// Encodings names the encodings of a source of the receiver that anybody watches, by RID, the largest
// first. All are until the first; the others need not be sent.
type Encodings struct {
	Type   Type          `json:"type"`
	Source parley.Source `json:"source"`
	RIDs   []string      `json:"rids"`
}

// Mute says that a source of the sender went off or on; others see it in the roster.
type Mute struct {
	Type   Type          `json:"type"`
	Source parley.Source `json:"source"`
	Muted  bool          `json:"muted"`
}

// Chat is a line of chat. A browser sends Text, and Key where it will send the line again until it hears of it.
type Chat struct {
	Type Type `json:"type"`
	// Key is the sender's own name of the line: 1 to 64 characters of A-Z, a-z, 0-9, "-" and "_", or empty.
	// A line of which participant and key were seen before is confirmed and no more. From the server:
	// to the sender alone, as the confirmation.
	Key         string               `json:"key,omitempty"`
	ID          string               `json:"id,omitempty"`
	Participant parley.ParticipantID `json:"participant,omitempty"`
	AtMS        int64                `json:"at_ms,omitempty"`
	Text        string               `json:"text"`
}

// Ping asks whether anybody is at the other end: a page cannot send the Ping frame of RFC 6455 §5.5.2.
type Ping struct {
	Type Type `json:"type"`
	Seq  int  `json:"seq"` // repeated by the answer
}

// Pong is the answer to a Ping, sent at once: it does not wait for what the server is still busy with.
type Pong struct {
	Type Type `json:"type"`
	Seq  int  `json:"seq"`
}

// Bare is a message that is its type alone: leave, end, minutes.
type Bare struct {
	Type Type `json:"type"`
}

// Joined is the answer to Join: everything the room page needs to draw itself.
type Joined struct {
	Type   Type                 `json:"type"`
	You    parley.ParticipantID `json:"you"`
	Role   parley.Role          `json:"role"`
	Resume string               `json:"resume"` // signed; keep it for this tab
	SDP    string               `json:"sdp"`    // the answer
	// NowMS is the meeting clock as the message was written.
	NowMS   int64       `json:"now_ms"`
	Meeting MeetingInfo `json:"meeting"`
	Roster  []Person    `json:"roster"` // everybody, the receiver included
	Seats   []SeatState `json:"seats"`
	Chat    []Chat      `json:"chat"`     // so far
	Caption []Caption   `json:"captions"` // the last 50
	Status  Status      `json:"status"`
}

// MeetingInfo is what a participant sees of the meeting.
type MeetingInfo struct {
	ID      parley.MeetingID `json:"id"`
	Title   string           `json:"title"`
	Region  parley.Region    `json:"region"`
	Started string           `json:"started"` // RFC 3339
	Record  bool             `json:"record"`
	// Link is the invitation to pass on; empty for viewers.
	Link string `json:"link,omitempty"`
}

// Answer is the answer to an Offer.
type Answer struct {
	Type Type   `json:"type"`
	Seq  int    `json:"seq"`
	SDP  string `json:"sdp"`
}

// Roster is a change of who is there; the server gathers changes for 200 ms.
type Roster struct {
	Type    Type                   `json:"type"`
	Seq     uint64                 `json:"seq"`     // rises by one; a jump means: reconnect
	Present []Person               `json:"present"` // came or changed, whole
	Gone    []parley.ParticipantID `json:"gone"`
}

// Person is a participant as the others see it.
type Person struct {
	ID       parley.ParticipantID `json:"id"`
	Number   uint32               `json:"number"` // the CSRC on voices
	Name     string               `json:"name"`
	Role     parley.Role          `json:"role"`
	Recorded bool                 `json:"recorded"` // consent was granted and the meeting is recorded
	Several  bool                 `json:"several,omitempty"`
	Tracks   []Publication        `json:"tracks"`
}

// Publication is one source a person sends.
type Publication struct {
	Track  parley.TrackID `json:"track"`
	Source parley.Source  `json:"source"`
	Codec  string         `json:"codec"` // media type as in SDP: not everybody decodes everything
	Muted  bool           `json:"muted"`
}

// Caption is one utterance: its words so far, or all of them once Final. Words that were shown stay as
// they are until the final, which may correct them, and is empty when there was nothing after all.
type Caption struct {
	Type        Type                 `json:"type"`
	Utterance   parley.UtteranceID   `json:"utterance"`
	Participant parley.ParticipantID `json:"participant"`
	StartMS     int64                `json:"start_ms"`
	EndMS       int64                `json:"end_ms"`
	Text        string               `json:"text"`
	Lang        string               `json:"lang"`
	Final       bool                 `json:"final"`
}

// Status says what is kept and what is missing; sent when it changes.
type Status struct {
	Type Type `json:"type"`
	// Recording is true while at least one consenting participant's media is being kept.
	Recording bool `json:"recording"`
	// Words is false when no recognizer runs; WordsMissing is then a sentence for the page.
	Words        bool   `json:"words"`
	WordsMissing string `json:"words_missing,omitempty"`
	// WordsLate is by how many seconds words are behind, in steps of five; 0 when nobody would notice.
	WordsLate int `json:"words_late_s,omitempty"`
	// RecordingTrouble is a sentence when something that should be kept is not, or empty.
	RecordingTrouble string `json:"recording_trouble,omitempty"`
}

// Error answers a request that failed. Fatal errors close the connection.
type Error struct {
	Type Type        `json:"type"`
	Kind parley.Kind `json:"kind"`
	Say  string      `json:"say"`
	Re   Type        `json:"re,omitempty"` // the type of the request that failed
	// Key is that of the chat line that failed, or empty.
	Key string `json:"key,omitempty"`
	// RetryMS is when a chat line with a Key may come again, from now; 0: not as it is.
	RetryMS int64 `json:"retry_ms,omitempty"`
	Fatal   bool  `json:"fatal"`
}

// Ended says the meeting is over. Record tells whether there is a record to look at.
type Ended struct {
	Type   Type   `json:"type"`
	Reason string `json:"reason"` // "host", "empty", "moved" (another tab took over), "left", "over" (while away)
	Record bool   `json:"record"`
}

// GoingAway asks the browser to reconnect, with its Resume, after RetryMS.
type GoingAway struct {
	Type    Type  `json:"type"`
	RetryMS int64 `json:"retry_ms"`
}

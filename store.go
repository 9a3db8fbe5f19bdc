package parley

import (
	"context"
	"io"
	"iter"
	"time"
)

// Key names an object: slash-separated parts of [A-Za-z0-9._-], no part "." or "..", no leading or
// trailing slash, at most 512 bytes.
type Key string

// ObjectInfo describes an object. For Put, Bytes may be -1 (unknown); SHA256 is required and checked.
type ObjectInfo struct {
	Key      Key
	Bytes    int64
	SHA256   Hash
	Modified time.Time // set by the store
}

// Objects keeps immutable bytes in one region.
//
// Put is create-only and durable when it returns: putting the same key with the same hash again is
// nil (a retry), with another hash Conflict; content that does not match info.SHA256 is Invalid and
// leaves nothing behind; a full disk is Full. Open reads n bytes from off (n < 0: to the end), and is
// NotFound for a missing key. List yields in key order, and stops at the first error.
type Objects interface {
	Put(ctx context.Context, info ObjectInfo, content io.Reader) error
	Open(ctx context.Context, key Key, off, n int64) (io.ReadCloser, error)
	Stat(ctx context.Context, key Key) (ObjectInfo, error)
	List(ctx context.Context, prefix Key) iter.Seq2[ObjectInfo, error]
}

// The catalog interfaces. Every write is durable when it returns; every call may be NotFound for a
// meeting, track or utterance that this region does not hold. Results are the caller's own copies.
type (
	// Meetings are the meetings of one region.
	Meetings interface {
		// CreateMeeting is Conflict when the ID exists.
		CreateMeeting(ctx context.Context, m Meeting) error
		Meeting(ctx context.Context, id MeetingID) (Meeting, error)
		// BeginMeeting starts the clock of a scheduled meeting; a live one keeps its start, an ended
		// one is Conflict. It returns the meeting as it now is.
		BeginMeeting(ctx context.Context, id MeetingID, at time.Time) (Meeting, error)
		// EndMeeting is idempotent: a second end changes nothing.
		EndMeeting(ctx context.Context, id MeetingID, at time.Time) error
		// LiveMeetings lists the meetings that have begun and not ended, oldest first.
		LiveMeetings(ctx context.Context) ([]Meeting, error)
	}

	// Participants are who was in those meetings.
	Participants interface {
		// PutParticipant inserts or replaces by ID; a Number taken by another ID is Conflict.
		PutParticipant(ctx context.Context, p Participant) error
		Participants(ctx context.Context, id MeetingID) ([]Participant, error)
		// Attended lists the meetings that who created or took part in, newest first.
		Attended(ctx context.Context, who Identity) ([]Meeting, error)
	}

	// Chats are the lines written in those meetings.
	Chats interface {
		// AddChatMessage is idempotent by ID.
		AddChatMessage(ctx context.Context, m ChatMessage) error
		// ChatMessage finds one line; NotFound when it was never added.
		ChatMessage(ctx context.Context, id string) (ChatMessage, error)
		ChatMessages(ctx context.Context, id MeetingID) ([]ChatMessage, error)
	}

	// Recordings are the rows about media; the media itself is in Objects.
	Recordings interface {
		// OpenTrack is idempotent by ID.
		OpenTrack(ctx context.Context, t Track) error
		CloseTrack(ctx context.Context, id TrackID, end time.Duration) error
		// AddSegment is idempotent for the same hash; Conflict for another under the same number.
		AddSegment(ctx context.Context, s Segment) error
		AddGap(ctx context.Context, g Gap) error
		// Recording of a meeting without tracks is empty, not NotFound.
		Recording(ctx context.Context, id MeetingID) (Recording, error)
		// SealRecording records the manifest; sealing again with another hash is Conflict.
		SealRecording(ctx context.Context, id MeetingID, manifest Key, sum Hash) error
	}

	// Transcripts are the utterances of those meetings. The row is the truth; a job is a message
	// about it.
	Transcripts interface {
		// AddUtterance is idempotent by ID.
		AddUtterance(ctx context.Context, u Utterance) error
		Utterance(ctx context.Context, id UtteranceID) (Utterance, error)
		// FinishUtterance stores the words and state of a pending utterance; it is Conflict, and
		// changes nothing, when another worker finished it first.
		FinishUtterance(ctx context.Context, u Utterance) error
		// DeferUtterance notes a failed attempt (u.Attempts, u.NextTry, u.State: Pending or Parked).
		DeferUtterance(ctx context.Context, u Utterance) error
		Transcript(ctx context.Context, id MeetingID) (Transcript, error)
		// RetryUtterance makes a parked utterance pending again, as if it had never been tried; Conflict when
		// it is not parked.
		RetryUtterance(ctx context.Context, id UtteranceID, now time.Time) error
		// Readings are the versions of an utterance by Number; empty while there is one alone.
		Readings(ctx context.Context, id UtteranceID) ([]Reading, error)
		// AddReadings stores new versions, in order, and u.Version, Edited, Conflict, State and the words of u
		// as what is shown. It numbers them, keeps what was shown first as number 1, and is Conflict, changing
		// nothing, when the row shows another version than shown.
		AddReadings(ctx context.Context, shown int, u Utterance, readings ...Reading) error
		// AddPass numbers a pass, and lists what of its meeting has been heard as to be heard again; due is when
		// a job for that counts as lost. Pass is NotFound for a number that was not given.
		AddPass(ctx context.Context, p Pass, due time.Time) (Pass, error)
		Pass(ctx context.Context, id MeetingID, number int) (Pass, error)
		// DueRehearings lists at most limit that are due at now, oldest pass first, and makes them due at next.
		DueRehearings(ctx context.Context, now, next time.Time, limit int) ([]Rehearing, error)
		// EndRehearing takes one off the list, which AddReadings of its pass does as well; idempotent.
		EndRehearing(ctx context.Context, r Rehearing) error
		// Backlog tells, for each meeting that has any, of its pending utterances.
		Backlog(ctx context.Context) ([]Backlog, error)
		// DueUtterances lists at most limit pending utterances whose NextTry is not after now.
		DueUtterances(ctx context.Context, now time.Time, limit int) ([]Utterance, error)
	}

	// Actions are the minutes of those meetings, and what people made of them. Neither replaces the other:
	// Agreements puts them together.
	Actions interface {
		// PutMinutes replaces the minutes of a meeting.
		PutMinutes(ctx context.Context, m Minutes) error
		// Minutes is NotFound until some were put.
		Minutes(ctx context.Context, id MeetingID) (Minutes, error)
		// UnfinishedMeetings lists ended meetings whose minutes are missing or not Final.
		UnfinishedMeetings(ctx context.Context) ([]MeetingID, error)
		// AddChange is Conflict when that entry has a change of that number.
		AddChange(ctx context.Context, c Change) error
		// Changes lists the changes of a meeting in the order they were made.
		Changes(ctx context.Context, id MeetingID) ([]Change, error)
	}
)

// Directory is the home catalog: which meeting is in which region, and no content of any.
type Directory interface {
	// Place is Conflict when the meeting is already placed elsewhere.
	Place(ctx context.Context, id MeetingID, in Region) error
	RegionOf(ctx context.Context, id MeetingID) (Region, error)
	// Spend uses up a one-time code; the second time it is Expired. It may be forgotten after until.
	Spend(ctx context.Context, code string, until time.Time) error
}

package parley

import "time"

// MediaKind separates what is heard from what is seen.
type MediaKind string

// The kinds of media.
const (
	Audio MediaKind = "audio"
	Video MediaKind = "video"
)

// Source is where a track comes from.
type Source string

// The sources. Microphone and ScreenAudio are Audio, Camera and Screen are Video.
const (
	Microphone  Source = "microphone"
	Camera      Source = "camera"
	Screen      Source = "screen"
	ScreenAudio Source = "screen-audio"
)

// Kind returns the kind of media a source gives, or "" for an unknown source.
func (s Source) Kind() MediaKind {
	switch s {
	case Microphone, ScreenAudio:
		return Audio
	case Camera, Screen:
		return Video
	default:
		return ""
	}
}

// Track is one source of one participant. The recorder, the transcriber and the record page all
// mean the same thing by its ID.
type Track struct {
	ID          TrackID
	Meeting     MeetingID
	Participant ParticipantID
	Source      Source
	Codec       string        // media type as in SDP: "audio/opus", "video/VP8"
	ClockRate   uint32        // Hz of the RTP clock
	Channels    uint16        // 0 for video
	Started     time.Duration // meeting clock at the first packet
	Ended       time.Duration // meeting clock after the last packet; 0 while open
}

// Segment is one sealed piece of a track: a WebM cluster whose timecodes are milliseconds on the
// meeting clock. Number 0 is the track's WebM header (Start = End = 0); the pieces count from 1, and
// the bytes of all segments of a track in order are one valid WebM file.
type Segment struct {
	Track  TrackID
	Number int
	Start  time.Duration // of its first frame
	End    time.Duration // of its last frame, plus that frame's duration
	Bytes  int64
	SHA256 Hash
	Key    Key // where it rests in the meeting's region
}

// GapReason says why a stretch of a track was not kept.
type GapReason string

// The reasons for a gap. A pause (mute, camera off, DTX) is not a gap: nothing was sent.
const (
	GapOverflow GapReason = "overflow" // the recorder's queue was full: the disk did not keep up
	GapDisk     GapReason = "disk"     // the spool could not be written (full, or an I/O error)
	GapCrash    GapReason = "crash"    // the server stopped; from the last kept frame to the track's end
	GapLoss     GapReason = "loss"     // packets never arrived, longer than 100 ms in one piece
)

// Gap is a stretch of a track that was sent, as far as is known, and is not in the recording.
type Gap struct {
	Track  TrackID
	Start  time.Duration
	End    time.Duration
	Reason GapReason
}

// RecordedTrack is a track with what was kept of it, segments in order of Number.
type RecordedTrack struct {
	Track
	Segments []Segment
	Gaps     []Gap
}

// Recording is everything kept of a meeting's media so far.
type Recording struct {
	Meeting  MeetingID
	Tracks   []RecordedTrack // in order of Started
	Sealed   bool
	Manifest Key  // of the manifest object, "" until sealed
	SHA256   Hash // of the manifest object
}

// Manifest is the JSON object that seals a recording: change one byte of a segment and its hash
// here no longer fits. docs/storage-format.md is normative.
type Manifest struct {
	Version int             `json:"version"` // 1
	Meeting MeetingID       `json:"meeting"`
	Region  Region          `json:"region"`
	Started time.Time       `json:"started"`
	Ended   time.Time       `json:"ended"`
	Sealed  time.Time       `json:"sealed"`
	Tracks  []ManifestTrack `json:"tracks"`
}

// ManifestTrack is one track in a manifest. Times are milliseconds on the meeting clock.
type ManifestTrack struct {
	ID          TrackID           `json:"id"`
	Participant ParticipantID     `json:"participant"`
	Source      Source            `json:"source"`
	Codec       string            `json:"codec"`
	StartMS     int64             `json:"start_ms"`
	EndMS       int64             `json:"end_ms"`
	Segments    []ManifestSegment `json:"segments"`
	Gaps        []ManifestGap     `json:"gaps,omitempty"`
}

// ManifestSegment is one segment in a manifest.
type ManifestSegment struct {
	Number  int   `json:"number"`
	StartMS int64 `json:"start_ms"`
	EndMS   int64 `json:"end_ms"`
	Bytes   int64 `json:"bytes"`
	SHA256  Hash  `json:"sha256"`
	Key     Key   `json:"key"`
}

// ManifestGap is one gap in a manifest.
type ManifestGap struct {
	StartMS int64     `json:"start_ms"`
	EndMS   int64     `json:"end_ms"`
	Reason  GapReason `json:"reason"`
}

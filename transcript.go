package parley

import "time"

// Word is a recognized word or, in Chinese, usually one character, on the meeting clock. A script
// that separates words by spaces has them in Text: joining the texts of an utterance gives it back.
type Word struct {
	Text  string
	Start time.Duration
	End   time.Duration
	Heard string // as the recognizer wrote it, where Text is a name that sounds like it; else ""
}

// UtteranceState is how far an utterance is on its way to words.
type UtteranceState string

// The states of an utterance.
const (
	Pending    UtteranceState = "pending"    // audio is kept, words are to come
	Recognized UtteranceState = "recognized" // Text is final (it may be empty: nothing intelligible)
	Parked     UtteranceState = "parked"     // given up after MaxAttempts; audio is kept
	Wordless   UtteranceState = "wordless"   // cut while no recognizer was configured: only who and when
)

// MaxAttempts is how often an utterance is given to a recognizer before it is parked.
const MaxAttempts = 5

// Confidence is how well something was heard or meant, in words a person can use.
type Confidence string

// The confidences.
const (
	ConfidenceUnknown Confidence = ""
	Clear             Confidence = "clear"
	Unsure            Confidence = "unsure"
	HardlyHeard       Confidence = "hardly heard"
)

// Utterance is one participant's speech between two pauses: at most 28 s.
type Utterance struct {
	ID          UtteranceID
	Meeting     MeetingID
	Track       TrackID
	Participant ParticipantID
	Start       time.Duration // meeting clock
	End         time.Duration
	Audio       Key  // Ogg Opus of exactly Start to End, in the meeting's region
	SHA256      Hash // of that object
	State       UtteranceState
	Attempts    int
	NextTry     time.Time // while Pending: not before

	// What a recognizer said; empty until Recognized.
	Text       string
	Lang       string // BCP 47: "en", "zh", "yue"; "" when unknown
	Words      []Word // times rise
	Confidence Confidence
	Engine     string // "sherpa"
	Model      string // "whisper-base"

	// How it came to be so. All zero while there is one reading: what was heard first.
	Version  int    // the number of the reading shown
	Edited   int    // the last reading that a person made; 0 for none
	Conflict string // what was heard anew and does not go together with that; "" for nothing
}

// Author is who changed something, and what they were called then.
type Author struct {
	Identity Identity
	Name     string
}

// ReadingKind says where a reading of an utterance comes from.
type ReadingKind string

// The kinds of reading.
const (
	ReadingHeard  ReadingKind = "heard"  // a recognizer
	ReadingEdited ReadingKind = "edited" // a person
	ReadingMerged ReadingKind = "merged" // a recognizer's, with what people had changed put in again
)

// Reading is one version of an utterance's words. None is ever changed or lost.
type Reading struct {
	Utterance  UtteranceID
	Number     int // from 1
	Kind       ReadingKind
	Pass       int      // which pass over the meeting heard it; 0 is the first, as it was held
	By         Identity // who edited it; "" for a recognizer
	Name       string   // of them, then
	At         time.Time
	Text       string
	Lang       string
	Words      []Word
	Confidence Confidence
	Engine     string
	Model      string
}

// Pass is a meeting being heard once more.
type Pass struct {
	Meeting  MeetingID
	Number   int    // from 1
	Language string // the language it is heard as; "" leaves it open
	By       Identity
	Name     string
	At       time.Time
}

// Rehearing is an utterance that a pass has still to hear.
type Rehearing struct {
	Meeting   MeetingID
	Utterance UtteranceID
	Pass      int
}

// Backlog is what of a meeting waits for words.
type Backlog struct {
	Meeting MeetingID
	Waiting int
	Oldest  time.Duration // meeting clock: where the first of them ends
}

// Transcript is what was said in a meeting, in order of Start, with who could say it.
type Transcript struct {
	Meeting      Meeting
	Participants []Participant // in order of Number
	Utterances   []Utterance
}

// Date is a civil date, "2006-01-02", in the meeting's time zone.
type Date string

// Due is when an action item is to be done.
type Due struct {
	Text     string // the words it came from, verbatim
	Date     Date   // the one date to show; "" when the words name an event without a date
	Earliest Date   // the range the words allow; both "" when Date is
	Latest   Date
}

// Owner is who an action item falls to. The zero Owner means nobody was named: never guess one.
type Owner struct {
	Participant ParticipantID // "" for a department, a team or somebody absent
	Name        string        // as on the roster, or as said
}

// Evidence is what every entry of the minutes carries: nothing stands without it.
type Evidence struct {
	// Utterances are at least one, the one that establishes it first; what was typed as /action is cited
	// by the identifier of its line of chat.
	Utterances []UtteranceID
	Quote      string        // verbatim from the first
	Start      time.Duration // meeting clock: where to listen
	End        time.Duration
	Confidence Confidence
	Why        []string // names of the cues that found it
}

// ActionItem is a specific piece of work somebody took on or was given.
type ActionItem struct {
	ID    ItemID
	Task  string // what is to be done, in the words of the quote
	Owner Owner
	Due   *Due // nil when no time was said
	Tier  Tier
	Evidence
}

// Decision is something the meeting settled.
type Decision struct {
	ID   ItemID
	Text string
	Evidence
}

// Question is something the meeting left open.
type Question struct {
	ID   ItemID
	Text string
	Evidence
}

// Minutes is what a meeting agreed on, mined from its transcript.
type Minutes struct {
	Meeting   MeetingID
	Made      time.Time
	Final     bool         // every utterance had its words (or was parked) when it was made
	Items     []ActionItem // of both tiers
	Decisions []Decision
	Questions []Question
}

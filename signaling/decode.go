package signaling

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/parley/parley"
)

// What a message may hold. maxFrame bounds the whole of one: Chromium's offer with 68 m-lines is
// 324 kB when the page does not narrow its codecs.
const (
	maxFrame     = 512 << 10 // bytes
	maxName      = 80        // characters, as parley.Participant has it
	maxChat      = 4000      // characters, as parley.ChatMessage has it
	maxKey       = 64        // characters: a UUID, a hash in hexadecimal
	maxAliases   = 20
	maxToken     = 8 << 10 // bytes: what a server accepts as a header
	maxMID       = 32      // bytes; browsers count from 0
	maxLines     = 256     // m-lines: seats and sources
	maxCandidate = 1 << 10 // bytes
	maxPixels    = 1 << 14 // a side of a seat
)

// request is a message from a browser.
type request interface {
	// kind is the constant the message is told by.
	kind() Type
	// check says what is wrong with the content, in words for the person who wrote the client.
	check() error
}

// Message is anything the server sends: *Joined, *Answer, *Roster, *SeatMap, *Encodings, *Chat, *Caption,
// *Status, *Bare, *Pong, *Error, *Ended or *GoingAway.
type Message any

// decodeRequest reads one frame of a browser: exactly one JSON object of a known type, with no
// field that the type does not have. Errors are Invalid or TooLarge; the type is what the frame
// claims to be, as far as it could be read.
func decodeRequest(frame []byte) (request, Type, error) {
	kind, err := decodeType(frame)
	if err != nil {
		return nil, "", err
	}
	req := newRequest(kind)
	if req == nil {
		return nil, "", invalid("the message type %q is not known", clip(string(kind)))
	}
	if err := decodeStrictly(frame, req); err != nil {
		return nil, kind, err
	}
	return req, kind, req.check()
}

// DecodeMessage reads one frame of the server, as strictly. Errors are Invalid.
func DecodeMessage(frame []byte) (Message, error) {
	kind, err := decodeType(frame)
	if err != nil {
		return nil, err
	}
	message := newMessage(kind)
	if message == nil {
		return nil, invalid("the message type %q is not known", clip(string(kind)))
	}
	return message, decodeStrictly(frame, message)
}

func newRequest(kind Type) request {
	switch kind {
	case TypeJoin:
		return &Join{}
	case TypeOffer:
		return &Offer{}
	case TypeCandidate:
		return &Candidate{}
	case TypeSeats:
		return &Seats{}
	case TypeMute:
		return &Mute{}
	case TypeChat:
		return &Chat{}
	case TypePing:
		return &Ping{}
	case TypeLeave, TypeEnd:
		return &Bare{}
	default:
		return nil
	}
}

func newMessage(kind Type) Message {
	switch kind {
	case TypeJoined:
		return &Joined{}
	case TypeAnswer:
		return &Answer{}
	case TypePong:
		return &Pong{}
	case TypeRoster:
		return &Roster{}
	case TypeSeats:
		return &SeatMap{}
	case TypeChat:
		return &Chat{}
	case TypeCaption:
		return &Caption{}
	case TypeStatus:
		return &Status{}
	case TypeMinutes:
		return &Bare{}
	case TypeEncodings:
		return &Encodings{}
	case TypeError:
		return &Error{}
	case TypeEnded:
		return &Ended{}
	case TypeGoingAway:
		return &GoingAway{}
	default:
		return nil
	}
}

func decodeType(frame []byte) (Type, error) {
	var head struct {
		Type Type `json:"type"`
	}
	if err := json.Unmarshal(frame, &head); err != nil {
		return "", invalid("the message is not a JSON object with a type")
	}
	if head.Type == "" {
		return "", invalid("the message has no type")
	}
	return head.Type, nil
}

func decodeStrictly(frame []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(frame))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return invalid("%s", sayJSON(err))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return invalid("there is more than one JSON value in the frame")
	}
	return nil
}

// sayJSON puts an error of encoding/json into words that hold no content of the message but the name
// of a field.
func sayJSON(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("the field %q cannot be a JSON %s", clip(wrong.Field), wrong.Value)
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return "the field " + clip(field) + " is not known"
	}
	return "the message is not valid JSON"
}

func (m *Join) kind() Type      { return TypeJoin }
func (m *Offer) kind() Type     { return TypeOffer }
func (m *Candidate) kind() Type { return TypeCandidate }
func (m *Seats) kind() Type     { return TypeSeats }
func (m *Mute) kind() Type      { return TypeMute }
func (m *Chat) kind() Type      { return TypeChat }
func (m *Ping) kind() Type      { return TypePing }
func (m *Bare) kind() Type      { return m.Type }

func (m *Join) check() error {
	for _, text := range append([]string{m.Name, m.Title}, m.Aliases...) {
		if err := checkName(text); err != nil {
			return err
		}
	}
	switch {
	case len(m.Aliases) > maxAliases:
		return tooLarge("a participant has at most %d aliases", maxAliases)
	case len(m.Token) > maxToken, len(m.Resume) > maxToken:
		return tooLarge("a token has at most %d bytes", maxToken)
	case m.Consent != parley.Unasked && m.Consent != parley.Granted && m.Consent != parley.Declined:
		return invalid(`consent is "granted" or "declined"`)
	}
	if m.Language != "" && !slices.Contains(languages(), m.Language) {
		return invalid(`language is "en", "zh" or "yue"`)
	}
	return m.Offer.check()
}

// languages are those that somebody may say they speak, as BCP 47 tags.
func languages() []string { return []string{"en", "zh", "yue"} }

func (m *Offer) check() error {
	if m.SDP == "" {
		return invalid("the offer has no SDP")
	}
	if len(m.Sources) > maxLines {
		return tooLarge("an offer has at most %d sources", maxLines)
	}
	for mid, source := range m.Sources {
		if err := checkMID(mid); err != nil {
			return err
		}
		if source.Kind() == "" {
			return invalid("the source %q is not known", clip(string(source)))
		}
	}
	return nil
}

func (m *Candidate) check() error {
	if len(m.Candidate) > maxCandidate {
		return tooLarge("a candidate has at most %d bytes", maxCandidate)
	}
	return nil
}

func (m *Seats) check() error {
	if len(m.Seats) > maxLines {
		return tooLarge("a message names at most %d seats", maxLines)
	}
	for _, seat := range m.Seats {
		if err := checkMID(seat.MID); err != nil {
			return err
		}
		if seat.Width < 0 || seat.Width > maxPixels || seat.Height < 0 || seat.Height > maxPixels {
			return invalid("a seat is 0 to %d pixels wide and high", maxPixels)
		}
	}
	return nil
}

func (m *Mute) check() error {
	if m.Source.Kind() == "" {
		return invalid("the source %q is not known", clip(string(m.Source)))
	}
	return nil
}

func (m *Chat) check() error {
	switch text := strings.TrimSpace(m.Text); {
	case m.ID != "" || m.Participant != "" || m.AtMS != 0:
		return invalid("a browser sends the text of a chat line and its key alone")
	case text == "":
		return invalid("the chat line is empty")
	case utf8.RuneCountInString(text) > maxChat:
		return tooLarge("a chat line has at most %d characters", maxChat)
	}
	return checkKey(m.Key)
}

// checkKey accepts the empty text: a line needs no key.
func checkKey(key string) error {
	if len(key) > maxKey {
		return tooLarge("the key of a chat line has at most %d characters", maxKey)
	}
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}
	if strings.ContainsFunc(key, odd) {
		return invalid(`the key of a chat line is of A-Z, a-z, 0-9, "-" and "_"`)
	}
	return nil
}

func (m *Ping) check() error { return nil }

func (m *Bare) check() error { return nil }

func checkMID(mid string) error {
	if mid == "" || len(mid) > maxMID {
		return invalid("a mid has 1 to %d bytes", maxMID)
	}
	return nil
}

// checkName accepts the empty text: whether a name is needed depends on the credential.
func checkName(text string) error {
	if utf8.RuneCountInString(text) > maxName {
		return tooLarge("a name has at most %d characters", maxName)
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return invalid("a name is one line of text")
	}
	return nil
}

// clip keeps what a client sent to a length that can be repeated to it.
func clip(text string) string {
	const most = 40
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}

func invalid(format string, args ...any) error {
	return &parley.Error{Op: "read message", Kind: parley.Invalid, Say: fmt.Sprintf(format, args...)}
}

func tooLarge(format string, args ...any) error {
	return &parley.Error{Op: "read message", Kind: parley.TooLarge, Say: fmt.Sprintf(format, args...)}
}

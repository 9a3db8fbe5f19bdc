package problem

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/parley/parley"
)

// ContentType is the media type of a problem document (RFC 9457 §3).
const ContentType = "application/problem+json"

// RequestIDHeader carries the identifier of a request in its answer.
const RequestIDHeader = "X-Request-Id"

// typeBase is where the types are explained: the kind is the heading.
const typeBase = "https://github.com/parley/parley/blob/main/docs/problems.md#"

// retryAfter is what an Unavailable answer suggests: about as long as a restart takes.
const retryAfterSeconds = 5

// maxDocument bounds what Read takes from a server.
const maxDocument = 64 << 10

// Document is a problem document (RFC 9457 §3.1).
type Document struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail"`
	Instance string `json:"instance,omitempty"`
}

// describe is the table: the status and the title of a kind. Statuses are those of RFC 9110 §15 and,
// for Full, RFC 4918 §11.5; each kind has its own, so that a status alone leads back.
func describe(kind parley.Kind) (status int, title string) {
	switch kind {
	case parley.Invalid:
		return http.StatusBadRequest, "The request is malformed"
	case parley.Unauthorized:
		return http.StatusUnauthorized, "Who is asking?"
	case parley.Forbidden:
		return http.StatusForbidden, "Not allowed"
	case parley.NotFound:
		return http.StatusNotFound, "Not found"
	case parley.Conflict:
		return http.StatusConflict, "Not possible in this state"
	case parley.Expired:
		return http.StatusGone, "The time is over"
	case parley.TooLarge:
		return http.StatusRequestEntityTooLarge, "Over a limit"
	case parley.TooSlow:
		return http.StatusRequestTimeout, "Too slow to keep up"
	case parley.Unavailable:
		return http.StatusServiceUnavailable, "Not now"
	case parley.Full:
		return http.StatusInsufficientStorage, "No room left"
	default:
		return http.StatusInternalServerError, "Something went wrong on the server"
	}
}

// Status is the HTTP status of a kind; an unknown kind counts as Internal.
func Status(kind parley.Kind) int {
	status, _ := describe(kind)
	return status
}

// TypeURI names the problem type of a kind: its heading in docs/problems.md.
func TypeURI(kind parley.Kind) string { return typeBase + string(kind) }

// Of makes the document of an error; requestID may be empty.
func Of(err error, requestID string) Document {
	kind := parley.KindOf(err)
	status, title := describe(kind)
	document := Document{Type: TypeURI(kind), Title: title, Status: status, Detail: parley.SayOf(err)}
	if requestID != "" {
		document.Instance = "urn:uuid:" + requestID
	}
	return document
}

// Write answers a request with the document of err. Nothing may have been written to w before. The
// identifier of the request is the one already set as RequestIDHeader of w.
func Write(w http.ResponseWriter, r *http.Request, err error) {
	WriteStatus(w, r, Status(parley.KindOf(err)), err)
}

// WriteStatus is Write with another status than that of the kind: for protocols that prescribe one.
func WriteStatus(w http.ResponseWriter, r *http.Request, status int, err error) {
	document := Of(err, w.Header().Get(RequestIDHeader))
	document.Status = status
	header := w.Header()
	header.Set("Content-Type", ContentType)
	header.Set("Cache-Control", "no-store")
	header.Del("Etag")
	switch parley.KindOf(err) {
	case parley.Unauthorized:
		header.Set("WWW-Authenticate", "Bearer")
	case parley.Unavailable:
		header.Set("Retry-After", strconv.Itoa(retryAfterSeconds))
	default:
	}
	w.WriteHeader(document.Status)
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(document) // the connection is gone: nobody is left to tell
	}
}

// Read makes a *parley.Error of an answer that is not a success; op says what was asked. It reads the
// body but does not close it. An answer that is no problem document, from a proxy for instance, gets
// its kind from the status.
func Read(op string, response *http.Response) error {
	failure := &parley.Error{Op: op, Kind: kindOfStatus(response.StatusCode)}
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	var document Document
	err := json.NewDecoder(io.LimitReader(response.Body, maxDocument)).Decode(&document)
	if media != ContentType || err != nil {
		failure.Say = "The server answered " + response.Status + "."
		return failure
	}
	if kind, ok := strings.CutPrefix(document.Type, typeBase); ok && slices.Contains(parley.Kinds(), parley.Kind(kind)) {
		failure.Kind = parley.Kind(kind)
	}
	failure.Say = document.Detail
	return failure
}

func kindOfStatus(status int) parley.Kind {
	for _, kind := range parley.Kinds() {
		if Status(kind) == status {
			return kind
		}
	}
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusBadGateway, status == http.StatusGatewayTimeout:
		return parley.Unavailable
	case status >= 400 && status < 500:
		return parley.Invalid
	default:
		return parley.Internal
	}
}

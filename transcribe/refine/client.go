package refine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// client asks one endpoint.
type client struct {
	cfg  Config
	http *http.Client
	form int // of response_format: the first one that the endpoint has not refused
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// newClient makes a client that goes to the configured host alone: by no proxy, and no redirect.
func newClient(cfg Config) *client {
	timeout := cfg.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	return &client{cfg: cfg, http: &http.Client{
		Timeout:   timeout,
		Transport: &http.Transport{Proxy: nil},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("the model's endpoint answers with a redirect, which is not followed")
		},
	}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// formats are how a server is asked for JSON, from the strictest; each may be refused with 400.
func formats() []any {
	return []any{
		map[string]any{"type": "json_schema", "json_schema": map[string]any{
			"name": "items", "strict": true, "schema": json.RawMessage(schema),
		}},
		map[string]any{"type": "json_object"},
		nil,
	}
}

// refused is an answer with status 400: perhaps only the format is not known there.
var errRefused = errors.New("the model's endpoint refuses the request")

// chat sends a conversation and returns what the model says.
func (c *client) chat(ctx context.Context, messages []message) (string, error) {
	for ; ; c.form++ {
		text, err := c.send(ctx, messages, formats()[c.form])
		if !errors.Is(err, errRefused) || c.form == len(formats())-1 {
			return text, err
		}
	}
}

func (c *client) send(ctx context.Context, messages []message, format any) (string, error) {
	question := map[string]any{
		"model": c.cfg.Model, "messages": messages, "temperature": 0, "seed": 1, "stream": false,
	}
	if format != nil {
		question["response_format"] = format
	}
	body, err := json.Marshal(question)
	if err != nil {
		return "", fmt.Errorf("write question: %w", err)
	}
	request, err := http.NewRequestWithContext(
		ctx, http.MethodPost, strings.TrimSuffix(c.cfg.URL, "/")+"/chat/completions", bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("write question: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if c.cfg.Key != "" {
		request.Header.Set("Authorization", "Bearer "+c.cfg.Key)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return "", fmt.Errorf("ask the model: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("ask the model: %w", err)
	case len(text) > maxAnswer:
		return "", errors.New("the model's answer is too long")
	case response.StatusCode == http.StatusBadRequest:
		return "", errRefused
	case response.StatusCode != http.StatusOK:
		return "", fmt.Errorf("the model's endpoint answers with status %d", response.StatusCode)
	}
	var answer struct {
		Choices []struct {
			Message message `json:"message"`
		} `json:"choices"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || len(answer.Choices) == 0 {
		return "", errors.New("the model's endpoint does not answer in the chat interface")
	}
	return answer.Choices[0].Message.Content, nil
}

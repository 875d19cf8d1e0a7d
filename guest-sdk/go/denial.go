package guardhouse

// AuthorizationError is a denial with a message for the caller. A check returns it.
//
// The SDK finds it with [errors.As], so a wrapped one denies too: its own Message reaches the caller, and
// the text of the wrapping error does not. Every other error is a fault.
type AuthorizationError struct {
	// Message reaches the caller unchanged.
	Message string
}

// Error returns the message.
func (denial *AuthorizationError) Error() string {
	return denial.Message
}

// Deny returns an error that denies with message.
func Deny(message string) error {
	return &AuthorizationError{Message: message}
}

"""What steers generation beside the schema."""

class FeedbackSources: ...

NO_FEEDBACK: FeedbackSources

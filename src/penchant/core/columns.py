"""Every column name of events, items and users, in one place.

Used by everything that reads, stores or answers with tabular data; the HTTP field names are the same words.
"""

USER_ID = "user_id"
ITEM_ID = "item_id"
EVENT_TYPE = "event_type"
VALUE = "value"
TIMESTAMP = "timestamp"
SESSION_ID = "session_id"
SCENARIO = "scenario"
EVENT_ID = "event_id"
RECOMMENDATION_ID = "recommendation_id"
POSITION = "position"
PROPENSITY = "propensity"
PROPERTIES = "properties"

EVENT_COLUMNS = (
    USER_ID,
    ITEM_ID,
    EVENT_TYPE,
    VALUE,
    TIMESTAMP,
    SESSION_ID,
    SCENARIO,
    EVENT_ID,
    RECOMMENDATION_ID,
    POSITION,
    PROPENSITY,
    PROPERTIES,
)

# What an event is called when its source does not say.
DEFAULT_EVENT_TYPE = "interaction"

# The catalogue's well-known columns; anything else an item or user has is a property.
TITLE = "title"
DESCRIPTION = "description"
CATEGORIES = "categories"
AVAILABLE = "available"

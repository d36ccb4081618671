"""llm-d's endpoint picker: an InferencePool over one model's engines, and the data plane that asks the picker."""

from components.endpoint_picker.endpoint_picker import EndpointPicker, EndpointPickerArgs

__all__ = ["EndpointPicker", "EndpointPickerArgs"]

"""Answers with the weather of a city, and remembers which cities this session asked for."""

from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()
FORECAST = {"Berlin": "rain", "Lisbon": "sun"}
asked = []


@app.entrypoint
def invoke(payload):
    city = payload["city"]
    asked.append(city)
    return {"forecast": FORECAST.get(city, "unknown"), "asked": asked}


if __name__ == "__main__":
    app.run()

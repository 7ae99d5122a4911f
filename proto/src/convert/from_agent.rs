//! What an agent says: `v1::FromAgent` to [`FromAgent`] and back.
//!
//! Neighbours: `to_agent` is the other direction of the stream. Never looks at what a record says beyond its shape.

use muster_model::memory::AgentMemory;
use muster_model::outcome::{CommandId, Outcome, Refusal, StepKey};
use muster_model::report::ServerReport;

use super::{Invalid, digest, moment, read, uuid, write};
use crate::session::{CommandAnswer, FromAgent, Hello, Observed, Progress, Staged, StepEnded, StepStarted};
use crate::v1;

impl TryFrom<v1::FromAgent> for FromAgent {
    type Error = Invalid;
    fn try_from(wire: v1::FromAgent) -> Result<Self, Invalid> {
        use v1::from_agent::Message;
        let v1::FromAgent { message } = wire;
        Ok(match message.ok_or(Invalid::Empty("FromAgent"))? {
            Message::Hello(hello) => Self::Hello(Hello::try_from(hello)?),
            Message::Observed(observed) => Self::Observed(Observed::try_from(observed)?),
            Message::Answer(answer) => Self::Answer(CommandAnswer::try_from(answer)?),
            Message::Started(started) => Self::Started(StepStarted::try_from(started)?),
            Message::Ended(ended) => Self::Ended(StepEnded::try_from(ended)?),
            Message::Progress(progress) => Self::Progress(Progress::try_from(progress)?),
            Message::Recalled(v1::Recalled { memory_json }) => {
                let memory: AgentMemory = read("Recalled.memory_json", &memory_json)?;
                if memory.format != muster_model::FORMAT {
                    return Err(Invalid::Format { field: "Recalled.memory_json", format: memory.format });
                }
                Self::Recalled(Box::new(memory))
            }
            Message::Staged(staged) => Self::Staged(Staged::try_from(staged)?),
        })
    }
}

impl TryFrom<FromAgent> for v1::FromAgent {
    type Error = Invalid;
    fn try_from(message: FromAgent) -> Result<Self, Invalid> {
        use v1::from_agent::Message;
        let message = match message {
            FromAgent::Hello(hello) => Message::Hello(v1::Hello::from(hello)),
            FromAgent::Observed(observed) => Message::Observed(v1::Observed::try_from(observed)?),
            FromAgent::Answer(answer) => Message::Answer(v1::CommandAnswer::try_from(answer)?),
            FromAgent::Started(started) => Message::Started(v1::StepStarted::from(started)),
            FromAgent::Ended(ended) => Message::Ended(v1::StepEnded::try_from(ended)?),
            FromAgent::Progress(progress) => Message::Progress(v1::Progress::from(progress)),
            FromAgent::Recalled(memory) => {
                Message::Recalled(v1::Recalled { memory_json: write("Recalled.memory_json", &*memory)? })
            }
            FromAgent::Staged(staged) => Message::Staged(v1::Staged::from(staged)),
        };
        Ok(Self { message: Some(message) })
    }
}

impl TryFrom<v1::Hello> for Hello {
    type Error = Invalid;
    fn try_from(wire: v1::Hello) -> Result<Self, Invalid> {
        let v1::Hello { agent_version, kinds, simulated, now_ms, journal, epoch, host } = wire;
        Ok(Self {
            agent_version,
            kinds: kinds.iter().filter_map(|kind| kind.parse().ok()).collect(),
            simulated,
            now: moment("Hello.now_ms", now_ms)?,
            journal,
            epoch,
            host: host.parse().map_err(|source| Invalid::Name { field: "Hello.host", source })?,
        })
    }
}

impl From<Hello> for v1::Hello {
    fn from(hello: Hello) -> Self {
        let Hello { agent_version, kinds, simulated, now, journal, epoch, host } = hello;
        Self {
            agent_version,
            kinds: kinds.iter().map(ToString::to_string).collect(),
            simulated,
            now_ms: now.as_millisecond(),
            journal,
            epoch,
            host: host.into(),
        }
    }
}

impl TryFrom<v1::Observed> for Observed {
    type Error = Invalid;
    fn try_from(wire: v1::Observed) -> Result<Self, Invalid> {
        use v1::observed::Result as Wire;
        let v1::Observed { request, result } = wire;
        let result = match result.ok_or(Invalid::Missing("Observed.result"))? {
            Wire::ReportJson(json) => {
                let report: ServerReport = read("Observed.report_json", &json)?;
                if report.format != muster_model::FORMAT {
                    return Err(Invalid::Format { field: "Observed.report_json", format: report.format });
                }
                Ok(report)
            }
            Wire::Problem(problem) => Err(problem),
        };
        Ok(Self { request, result })
    }
}

impl TryFrom<Observed> for v1::Observed {
    type Error = Invalid;
    fn try_from(observed: Observed) -> Result<Self, Invalid> {
        use v1::observed::Result as Wire;
        let Observed { request, result } = observed;
        let result = match result {
            Ok(report) => Wire::ReportJson(write("Observed.report_json", &report)?),
            Err(problem) => Wire::Problem(problem),
        };
        Ok(Self { request, result: Some(result) })
    }
}

impl TryFrom<v1::CommandAnswer> for CommandAnswer {
    type Error = Invalid;
    fn try_from(wire: v1::CommandAnswer) -> Result<Self, Invalid> {
        use v1::command_answer::Answer;
        let v1::CommandAnswer { command, answer } = wire;
        let answer = match answer.ok_or(Invalid::Missing("CommandAnswer.answer"))? {
            Answer::Accepted(v1::Accepted {}) => Ok(()),
            Answer::RefusalJson(json) => Err(read::<Refusal>("CommandAnswer.refusal_json", &json)?),
        };
        Ok(Self { command: CommandId(uuid("CommandAnswer.command", command)?), answer })
    }
}

impl TryFrom<CommandAnswer> for v1::CommandAnswer {
    type Error = Invalid;
    fn try_from(answer: CommandAnswer) -> Result<Self, Invalid> {
        use v1::command_answer::Answer;
        let CommandAnswer { command, answer } = answer;
        let answer = match answer {
            Ok(()) => Answer::Accepted(v1::Accepted {}),
            Err(refusal) => Answer::RefusalJson(write("CommandAnswer.refusal_json", &refusal)?),
        };
        Ok(Self { command: command.to_string(), answer: Some(answer) })
    }
}

impl TryFrom<v1::StepStarted> for StepStarted {
    type Error = Invalid;
    fn try_from(wire: v1::StepStarted) -> Result<Self, Invalid> {
        let v1::StepStarted { command, step, key } = wire;
        Ok(Self {
            command: CommandId(uuid("StepStarted.command", command)?),
            step,
            key: StepKey(uuid("StepStarted.key", key)?),
        })
    }
}

impl From<StepStarted> for v1::StepStarted {
    fn from(started: StepStarted) -> Self {
        let StepStarted { command, step, key } = started;
        Self { command: command.to_string(), step, key: key.to_string() }
    }
}

impl TryFrom<v1::StepEnded> for StepEnded {
    type Error = Invalid;
    fn try_from(wire: v1::StepEnded) -> Result<Self, Invalid> {
        let v1::StepEnded { command, step, key, outcome_json, journal } = wire;
        Ok(Self {
            command: CommandId(uuid("StepEnded.command", command)?),
            step,
            key: StepKey(uuid("StepEnded.key", key)?),
            outcome: read::<Outcome>("StepEnded.outcome_json", &outcome_json)?,
            journal,
        })
    }
}

impl TryFrom<StepEnded> for v1::StepEnded {
    type Error = Invalid;
    fn try_from(ended: StepEnded) -> Result<Self, Invalid> {
        let StepEnded { command, step, key, outcome, journal } = ended;
        Ok(Self {
            command: command.to_string(),
            step,
            key: key.to_string(),
            outcome_json: write("StepEnded.outcome_json", &outcome)?,
            journal,
        })
    }
}

impl TryFrom<v1::Progress> for Progress {
    type Error = Invalid;
    fn try_from(wire: v1::Progress) -> Result<Self, Invalid> {
        let v1::Progress { step, key, text } = wire;
        Ok(Self { step, key: StepKey(uuid("Progress.key", key)?), text })
    }
}

impl TryFrom<v1::Staged> for Staged {
    type Error = Invalid;
    fn try_from(wire: v1::Staged) -> Result<Self, Invalid> {
        let v1::Staged { sha256, held_bytes, whole, problem } = wire;
        let problem = Some(problem).filter(|problem| !problem.is_empty());
        Ok(Self { sha256: digest("Staged.sha256", &sha256)?, held_bytes, whole, problem })
    }
}

impl From<Staged> for v1::Staged {
    fn from(staged: Staged) -> Self {
        let Staged { sha256, held_bytes, whole, problem } = staged;
        Self { sha256: sha256.to_string(), held_bytes, whole, problem: problem.unwrap_or_default() }
    }
}

impl From<Progress> for v1::Progress {
    fn from(progress: Progress) -> Self {
        let Progress { step, key, text } = progress;
        Self { step, key: key.to_string(), text }
    }
}

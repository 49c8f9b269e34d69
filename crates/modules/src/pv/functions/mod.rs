//! The script functions, by family.

mod branch;
mod params;
mod print;
mod value;
mod xavp;

use engine::FunctionDef;

/// All of them.
pub const FUNCTIONS: &[FunctionDef] = &[
    branch::SBRANCH_APPEND,
    branch::SBRANCH_RESET,
    branch::SBRANCH_SET_RURI,
    branch::XAVP_PUSH_DST,
    params::XAVP_PARAMS_EXPLODE,
    params::XAVP_PARAMS_IMPLODE,
    params::XAVP_PARAMS_IMPLODE_QVAL,
    params::XAVP_SLIST_EXPLODE,
    params::XAVP_XPARAMS_EXPLODE,
    params::XAVU_PARAMS_EXPLODE,
    params::XAVU_PARAMS_IMPLODE,
    print::PV_XAVI_PRINT,
    print::PV_XAVP_PRINT,
    print::PV_XAVU_PRINT,
    value::IS_INT,
    value::NOT_EMPTY,
    value::PV_EVALX,
    value::PV_ISSET,
    value::PV_UNSET,
    value::TYPE_OF,
    xavp::PV_VAR_TO_XAVP,
    xavp::PV_XAVP_TO_VAR,
    xavp::XAVI_CHILD_RM,
    xavp::XAVI_CHILD_SETI,
    xavp::XAVI_CHILD_SETS,
    xavp::XAVI_RM,
    xavp::XAVI_RM_ALL,
    xavp::XAVP_CHILD_RM,
    xavp::XAVP_CHILD_SETI,
    xavp::XAVP_CHILD_SETS,
    xavp::XAVP_COPY,
    xavp::XAVP_LSHIFT,
    xavp::XAVP_RM,
    xavp::XAVP_RM_ALL,
];
